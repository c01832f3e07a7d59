namespace Glem

open System
open System.Text

/// The first stage of BERT's tokenizer, from text to text. Fields are named and mean as in a tokenizer.json.
type BertNormalizer = {
    /// Drop control characters and U+FFFD, turn every kind of white space into a blank.
    CleanText: bool
    /// Put blanks around each ideograph.
    HandleChineseChars: bool
    /// Decompose (NFD) and drop nonspacing marks; None means "as Lowercase".
    StripAccents: bool option
    Lowercase: bool
}

module BertNormalizer =
    /// bert-base-uncased's.
    let uncased = {
        CleanText = true
        HandleChineseChars = true
        StripAccents = None
        Lowercase = true
    }

    /// bert-base-cased's.
    let cased = { uncased with Lowercase = false }

    let private dropped = '\uFFFF'

    /// What becomes of each ASCII character; `dropped` for nothing.
    let private asciiTable cleanText lowercase =
        Array.init 128 (fun code ->
            let unit = char code

            if cleanText && CharacterClass.isControl (Rune unit) then dropped
            elif cleanText && Char.IsWhiteSpace unit then ' '
            elif lowercase then Char.ToLowerInvariant unit
            else unit)

    let private asciiTables = [|
        for cleanText in [ false; true ] -> [| for lowercase in [ false; true ] -> asciiTable cleanText lowercase |]
    |]

    /// A character's lower case, if asked for: character by character, so that no sigma is final.
    let internal appendCased (output: CharBuffer) lowercase codePoint =
        if not lowercase then
            output.AddCodePoint codePoint
        elif codePoint = 0x130 then // the one character whose lower case is two (Unicode, SpecialCasing.txt)
            output.Add 'i'
            output.AddCodePoint 0x307
        else
            output.AddCodePoint (Rune.ToLowerInvariant(Rune codePoint)).Value

    /// Marks of one base, put in canonical order: ascending class, those of one class as they came. The places stay, as in UnicodeForm.
    ///   marks : class, code point, and where in the input it stands
    let private flushMarks
        (input: CharBuffer)
        (output: CharBuffer)
        lowercase
        (marks: ResizeArray<struct (int * int * int)>)
        =
        if marks.Count > 0 then
            marks
            |> Seq.sortBy (fun (struct (combiningClass, _, _)) -> combiningClass)
            |> Seq.iteri (fun k (struct (_, mark, _)) ->
                if not (CharacterClass.isNonspacingMark (Rune mark)) then
                    let struct (_, _, at) = marks[k]
                    output.From(input, at)
                    appendCased output lowercase mark)

            marks.Clear()

    /// A stretch without ASCII. ASCII is neither decomposed nor a mark, so that no mark crosses the stretch's ends.
    let private appendStretch normalizer (input: CharBuffer) first last (output: CharBuffer) =
        let text = input.Span
        let stripAccents = normalizer.StripAccents |> Option.defaultValue normalizer.Lowercase
        let marks = ResizeArray<struct (int * int * int)>()
        let mutable next = first

        while next < last do
            let at = next
            let mutable rune = Rune.ReplacementChar
            let mutable units = 0
            Rune.DecodeFromUtf16(text.Slice at, &rune, &units) |> ignore
            next <- at + units

            if normalizer.CleanText && (rune = Rune.ReplacementChar || CharacterClass.isControl rune) then
                ()
            elif normalizer.CleanText && Rune.IsWhiteSpace rune then
                flushMarks input output normalizer.Lowercase marks
                output.From(input, at)
                output.Add ' '
            else
                let ideograph = normalizer.HandleChineseChars && CharacterClass.isIdeograph rune

                if ideograph then
                    flushMarks input output normalizer.Lowercase marks
                    output.From(input, at)
                    output.Add ' '

                if not stripAccents then
                    output.From(input, at)
                    appendCased output normalizer.Lowercase rune.Value
                else
                    let parts = CanonicalDecomposition.parts rune.Value

                    for i in 0 .. max 0 (parts.Length - 1) do
                        let part = if parts.Length = 0 then rune.Value else parts[i]
                        let combiningClass = CanonicalDecomposition.combiningClass part

                        if combiningClass = 0 then
                            flushMarks input output normalizer.Lowercase marks

                        if combiningClass > 0 then
                            marks.Add(struct (combiningClass, part, at))
                        elif not (CharacterClass.isNonspacingMark (Rune part)) then
                            output.From(input, at)
                            appendCased output normalizer.Lowercase part

                if ideograph then
                    flushMarks input output normalizer.Lowercase marks
                    output.From(input, at)
                    output.Add ' '

        flushMarks input output normalizer.Lowercase marks

    let internal append (normalizer: BertNormalizer) (input: CharBuffer) (output: CharBuffer) =
        let text = input.Span
        let ascii = asciiTables[Convert.ToInt32 normalizer.CleanText][Convert.ToInt32 normalizer.Lowercase]
        let mutable i = 0
        output.Reserve text.Length

        while i < text.Length do
            if Char.IsAscii text[i] then
                let unit = ascii[int text[i]]

                if unit <> dropped then
                    output.From(input, i)
                    output.Add unit

                i <- i + 1
            else
                let start = i

                while i < text.Length && not (Char.IsAscii text[i]) do
                    i <- i + 1

                appendStretch normalizer input start i output

    /// The normalised text. A lone surrogate counts as U+FFFD.
    let normalize (normalizer: BertNormalizer) (text: string) =
        let input = CharBuffer false
        let output = CharBuffer false
        input.Load(text.AsSpan())
        append normalizer input output
        output.Span.ToString()
