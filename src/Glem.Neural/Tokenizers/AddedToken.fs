namespace Glem

open System
open System.Buffers
open System.Text

/// A token that is found in the text itself and cut out before words are. Fields as in a tokenizer.json.
type AddedToken =
    {
        Id: int
        Content: string
        /// Left out of decoded text.
        Special: bool
        /// Looked for in the normalised text, not in the raw one.
        Normalized: bool
        /// Not found inside a longer word.
        SingleWord: bool
        /// Takes the white space before it along.
        LStrip: bool
        /// Takes the white space after it along.
        RStrip: bool
    }

module AddedToken =
    /// [CLS] and its like: found in the raw text, wherever they stand.
    let special id content =
        { Id = id
          Content = content
          Special = true
          Normalized = false
          SingleWord = false
          LStrip = false
          RStrip = false }

/// Finds added tokens: the leftmost first, of those the longest.
[<Sealed>]
type internal AddedTokenFinder(tokens: AddedToken[], content: AddedToken -> string) =
    let tokens = tokens |> Array.filter (fun token -> content token <> "") |> Array.sortByDescending (fun token -> (content token).Length)
    let contents = tokens |> Array.map content
    let search = SearchValues.Create(ReadOnlySpan<string> contents, StringComparison.Ordinal)

    let endsWithWord (text: ReadOnlySpan<char>) =
        let mutable rune = Rune.ReplacementChar
        let mutable units = 0
        Rune.DecodeLastFromUtf16(text, &rune, &units) = OperationStatus.Done && CharacterClass.isWordCharacter rune

    let startsWithWord (text: ReadOnlySpan<char>) =
        let mutable rune = Rune.ReplacementChar
        let mutable units = 0
        Rune.DecodeFromUtf16(text, &rune, &units) = OperationStatus.Done && CharacterClass.isWordCharacter rune

    let longestAt (text: ReadOnlySpan<char>) =
        let mutable i = 0

        while not (text.StartsWith(contents[i].AsSpan(), StringComparison.Ordinal)) do
            i <- i + 1

        i

    /// The first match at or after `from`: the token's id (-1 when there is none), where it starts, where it ends.
    member _.Next(text: ReadOnlySpan<char>, from: int) : struct (int * int * int) =
        let mutable at = from
        let mutable found = struct (-1, text.Length, text.Length)

        while at < text.Length do
            let offset = text.Slice(at).IndexOfAny search

            if offset < 0 then
                at <- text.Length
            else
                let start = at + offset
                let i = longestAt (text.Slice start)
                let stop = start + contents[i].Length

                if
                    tokens[i].SingleWord
                    && (endsWithWord (text.Slice(0, start)) || startsWithWord (text.Slice stop))
                then
                    at <- stop
                else
                    let before = text.Slice(from, start - from)
                    let after = text.Slice stop

                    found <-
                        struct (tokens[i].Id,
                                (if tokens[i].LStrip then from + before.TrimEnd().Length else start),
                                (if tokens[i].RStrip then text.Length - after.TrimStart().Length else stop))

                    at <- text.Length

        found
