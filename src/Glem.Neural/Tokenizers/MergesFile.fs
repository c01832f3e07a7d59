namespace Glem

open System
open System.IO

/// merges.txt: one merge a line, the best first, two tokens with a blank between; a first line "#version" is skipped.
module MergesFile =
    /// Merges with their line numbers. Errors name the line.
    let load (path: string) : Result<struct (string * string)[] * int[], GlemError> =
        try
            let lines =
                File.ReadAllLines path
                |> Array.mapi (fun i line -> i + 1, line)
                |> Array.filter (fun (number, line) ->
                    line <> "" && not (number = 1 && line.StartsWith("#version", StringComparison.Ordinal)))

            let merges =
                lines
                |> Array.map (fun (number, line) ->
                    match line.Split ' ' with
                    | [| left; right |] when left <> "" && right <> "" -> struct (left, right)
                    | _ ->

                        let problem =
                            InFile(
                                path,
                                $"line %d{number}",
                                $"'%s{Shown.oneLine line}'",
                                "two tokens with a blank between"
                            )

                        raise (GlemException problem))

            Ok(merges, Array.map fst lines)
        with
        | GlemException error -> Error error
        | :? IOException
        | :? UnauthorizedAccessException as problem -> Error(InFile(path, "", problem.Message, "a readable merges.txt"))
