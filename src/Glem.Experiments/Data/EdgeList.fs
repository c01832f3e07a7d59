namespace Glem

open System
open System.Globalization
open System.IO

/// Plain edge lists: a line an edge, two ids divided by blanks or tabs, perhaps a weight; lines that begin with # or % are
/// comments (SNAP, KONECT, networkx).
module EdgeList =
    let private endings = [ "txt"; "edges"; "edgelist"; "el" ]

    /// By the file's ending: .txt, .edges, .edgelist or .el, each perhaps with .gz behind it.
    let isEdgeList (path: string) =
        let plain = if FileScan.isGzip path then path.Substring(0, path.Length - 3) else path
        endings |> List.contains ((string (Path.GetExtension plain)).TrimStart('.').ToLowerInvariant())

    let private isNumber (text: string) = fst (Double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture))

    /// Line, source and target of every edge, lazily. Weights are not kept: Glem's graphs have none. Raises GlemException at the
    /// line that is wrong.
    let read (path: string) : seq<struct (int64 * string * string)> = seq {
        use reader = FileScan.openText path
        let mutable line = 0L
        let mutable text = reader.ReadLine()

        while not (isNull text) do
            line <- line + 1L

            match text with
            | NonNull content when content.Length > 0 && content[0] <> '#' && content[0] <> '%' ->
                match content.Split([| ' '; '\t' |], StringSplitOptions.RemoveEmptyEntries) with
                | [||] -> ()
                | [| source; target |] -> struct (line, source, target)
                | [| source; target; weight |] when isNumber weight -> struct (line, source, target)
                | _ ->
                    let found = if content.Length <= 60 then content else content.Substring(0, 60) + "…"

                    raise (
                        GlemException(
                            InFile(path, $"line %d{line}", $"'%s{found}'", "two ids, perhaps with a number behind them")
                        )
                    )
            | _ -> ()

            text <- reader.ReadLine()
    }
