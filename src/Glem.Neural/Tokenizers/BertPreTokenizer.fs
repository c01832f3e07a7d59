namespace Glem

open System
open System.Text

/// The second stage of BERT's tokenizer: words are what blanks and punctuation separate, and every punctuation
/// character is a word of its own.
module BertPreTokenizer =
    [<Literal>]
    let private Letter = 0uy

    [<Literal>]
    let private Blank = 1uy

    [<Literal>]
    let private Punctuation = 2uy

    let private classOf (rune: Rune) =
        if Rune.IsWhiteSpace rune then Blank
        elif CharacterClass.isPunctuation rune then Punctuation
        else Letter

    let private asciiClasses = Array.init 128 (fun code -> classOf (Rune code))

    /// The class of the character at `i` and how many units it takes.
    let private classAt (text: ReadOnlySpan<char>) i =
        let unit = text[i]

        if Char.IsAscii unit then
            struct (asciiClasses[int unit], 1)
        else
            let mutable rune = Rune.ReplacementChar
            let mutable units = 0
            Rune.DecodeFromUtf16(text.Slice i, &rune, &units) |> ignore
            struct (classOf rune, units)

    /// The first word at or after `start`, as its start and length; length 0 when there is none.
    let internal next (text: ReadOnlySpan<char>) (start: int) : struct (int * int) =
        let mutable first = start
        let mutable last = start
        let mutable inside = true

        while inside && last < text.Length do
            let struct (characterClass, units) = classAt text last

            match characterClass with
            | Letter -> last <- last + units
            | Blank when last = first ->
                first <- last + units
                last <- first
            | Punctuation when last = first ->
                last <- last + units
                inside <- false
            | _ -> inside <- false

        struct (first, last - first)

    /// The words of a text, in order.
    let words (text: string) =
        let words = ResizeArray<string>()
        let mutable struct (first, length) = next (text.AsSpan()) 0

        while length > 0 do
            words.Add(text.Substring(first, length))
            let struct (nextFirst, nextLength) = next (text.AsSpan()) (first + length)
            first <- nextFirst
            length <- nextLength

        words.ToArray()
