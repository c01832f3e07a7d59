namespace Glem

open System
open System.IO

/// vocab.txt: one token a line, line i (from 0) is id i.
module VocabularyFile =
    /// Errors: a file that cannot be read, a token that occurs twice.
    let load (path: string) : Result<Vocabulary, GlemError> =
        try
            let lines = File.ReadAllLines path

            Vocabulary.create lines
            |> Result.mapError (fun duplicate ->
                InFile(
                    path,
                    $"line %d{duplicate + 1}",
                    $"'%s{Shown.oneLine lines[duplicate]}' a second time",
                    "every token once"
                ))
        with
        | :? IOException
        | :? UnauthorizedAccessException as problem -> Error(InFile(path, "", problem.Message, "a readable vocab.txt"))

    /// Written beside and renamed, so that a reader never sees half a file. Raises IOException.
    let save (path: string) (vocabulary: Vocabulary) =
        WholeFile.writeText path (String.Join('\n', vocabulary.Tokens) + "\n")
