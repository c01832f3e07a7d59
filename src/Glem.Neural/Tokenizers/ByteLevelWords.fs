namespace Glem

open System
open System.Globalization
open System.Text

/// GPT-2's words (Radford et al. 2019; encoder.py's expression), in one pass:
///     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
module internal ByteLevelWords =
    [<Literal>]
    let private Letter = 0uy

    [<Literal>]
    let private Number = 1uy

    [<Literal>]
    let private Space = 2uy

    [<Literal>]
    let private Other = 3uy

    let private classOf (rune: Rune) =
        match Rune.GetUnicodeCategory rune with
        | UnicodeCategory.UppercaseLetter
        | UnicodeCategory.LowercaseLetter
        | UnicodeCategory.TitlecaseLetter
        | UnicodeCategory.ModifierLetter
        | UnicodeCategory.OtherLetter -> Letter
        | UnicodeCategory.DecimalDigitNumber
        | UnicodeCategory.LetterNumber
        | UnicodeCategory.OtherNumber -> Number
        | _ when Rune.IsWhiteSpace rune -> Space
        | _ -> Other

    let private asciiClasses = Array.init 128 (fun code -> classOf (Rune code))

    let private classAt (text: ReadOnlySpan<char>) i =
        if Char.IsAscii text[i] then
            struct (asciiClasses[int text[i]], 1)
        else
            let mutable rune = Rune.ReplacementChar
            let mutable units = 0
            Rune.DecodeFromUtf16(text.Slice i, &rune, &units) |> ignore
            struct (classOf rune, units)

    /// Where the run of one class that starts at `i` ends.
    let private runEnd (text: ReadOnlySpan<char>) wanted i =
        let mutable at = i
        let mutable inside = true

        while inside && at < text.Length do
            let struct (found, units) = classAt text at

            if found = wanted then at <- at + units else inside <- false

        at

    /// The length of a contraction's tail; 0 where there is none.
    let private contraction (text: ReadOnlySpan<char>) =
        if text.Length >= 2 && text[0] = '\'' then
            match text[1] with
            | 's'
            | 't'
            | 'm'
            | 'd' -> 2
            | 'r'
            | 'v' when text.Length >= 3 && text[2] = 'e' -> 3
            | 'l' when text.Length >= 3 && text[2] = 'l' -> 3
            | _ -> 0
        else
            0

    /// The length of the word at `first`, of which there is always one.
    let private lengthAt (text: ReadOnlySpan<char>) first =
        match contraction (text.Slice first) with
        | 0 ->
            let start = if text[first] = ' ' && first + 1 < text.Length then first + 1 else first

            match classAt text start with
            | struct (Space, _) ->
                let stop = runEnd text Space first
                // The last blank before a word is the word's; every white space is one unit.
                if stop < text.Length && stop - first > 1 then
                    stop - first - 1
                else
                    stop - first
            | struct (wanted, _) -> runEnd text wanted start - first
        | length -> length

    /// Cuts [first, first + count) into words.
    let cut (text: CharBuffer) first count (words: ResizeArray<struct (int * int)>) =
        let span = text.Span.Slice(first, count)
        let mutable at = 0

        while at < count do
            let length = lengthAt span at
            words.Add(struct (first + at, length))
            at <- at + length
