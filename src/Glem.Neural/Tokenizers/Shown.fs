namespace Glem

open System

/// How a piece of a user's file stands in an error: on one line, and not longer than a reader wants.
module internal Shown =
    [<Literal>]
    let private Longest = 200

    /// Control characters as blanks, and only the beginning of what is long.
    let oneLine (text: string) =
        let cut = if text.Length <= Longest then text else text.Substring(0, Longest) + "…"
        String.map (fun unit -> if Char.IsControl unit then ' ' else unit) cut
