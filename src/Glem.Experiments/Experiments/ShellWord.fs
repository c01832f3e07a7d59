namespace Glem

open System

/// Words of a command line as a POSIX shell reads them.
module ShellWord =
    let private isPlain (letter: char) = Char.IsAsciiLetterOrDigit letter || "=._-+/,:".Contains letter

    /// The word, in quotes where a shell would take it apart.
    let quote (word: string) =
        if word <> "" && Seq.forall isPlain word then
            word
        else
            let inside = word.Replace("'", @"'\''")
            $"'%s{inside}'"

    /// A command line of these words.
    let line (words: string list) = words |> List.map quote |> String.concat " "
