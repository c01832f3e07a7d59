namespace Glem

open System
open System.Text

/// The first stage of BERT's tokenizer, from text to text. Fields are named and mean as in a tokenizer.json.
type BertNormalizer =
    {
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
    let uncased =
        { CleanText = true
          HandleChineseChars = true
          StripAccents = None
          Lowercase = true }

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

    let private asciiTables = [| for cleanText in [ false; true ] -> [| for lowercase in [ false; true ] -> asciiTable cleanText lowercase |] |]

    let private appendCased (output: CharBuffer) lowercase codePoint =
        if not lowercase then
            output.AddCodePoint codePoint
        elif codePoint = 0x130 then // the one character whose lower case is two (Unicode, SpecialCasing.txt)
            output.Add 'i'
            output.AddCodePoint 0x307
        else
            output.AddCodePoint (Rune.ToLowerInvariant(Rune codePoint)).Value

    /// Marks of one base, put in canonical order: ascending class, those of one class as they came.
    let private flushMarks (output: CharBuffer) lowercase (marks: ResizeArray<struct (int * int)>) =
        if marks.Count > 0 then
            for struct (_, mark) in Seq.sortBy (fun (struct (combiningClass, _)) -> combiningClass) marks do
                appendCased output lowercase mark

            marks.Clear()

    /// A stretch without ASCII. ASCII is neither decomposed nor a mark, so that no mark crosses the stretch's ends.
    let private appendStretch (output: CharBuffer) normalizer (stretch: ReadOnlySpan<char>) =
        let stripAccents = normalizer.StripAccents |> Option.defaultValue normalizer.Lowercase
        let marks = ResizeArray<struct (int * int)>()
        let mutable rest = stretch

        while not rest.IsEmpty do
            let mutable rune = Rune.ReplacementChar // what a lone surrogate becomes
            let mutable units = 0
            Rune.DecodeFromUtf16(rest, &rune, &units) |> ignore
            rest <- rest.Slice units

            if normalizer.CleanText && (rune = Rune.ReplacementChar || CharacterClass.isControl rune) then
                ()
            elif normalizer.CleanText && Rune.IsWhiteSpace rune then
                flushMarks output normalizer.Lowercase marks
                output.Add ' '
            else
                let ideograph = normalizer.HandleChineseChars && CharacterClass.isIdeograph rune

                if ideograph then
                    flushMarks output normalizer.Lowercase marks
                    output.Add ' '

                if not stripAccents then
                    appendCased output normalizer.Lowercase rune.Value
                else
                    let parts = CanonicalDecomposition.parts rune.Value

                    for i in 0 .. max 0 (parts.Length - 1) do
                        let part = if parts.Length = 0 then rune.Value else parts[i]
                        let combiningClass = CanonicalDecomposition.combiningClass part

                        if combiningClass = 0 then
                            flushMarks output normalizer.Lowercase marks

                        if CharacterClass.isNonspacingMark (Rune part) then ()
                        elif combiningClass = 0 then appendCased output normalizer.Lowercase part
                        else marks.Add(struct (combiningClass, part))

                if ideograph then
                    flushMarks output normalizer.Lowercase marks
                    output.Add ' '

        flushMarks output normalizer.Lowercase marks

    let internal append (output: CharBuffer) (normalizer: BertNormalizer) (text: ReadOnlySpan<char>) =
        let ascii = asciiTables[Convert.ToInt32 normalizer.CleanText][Convert.ToInt32 normalizer.Lowercase]
        let mutable i = 0
        output.Reserve text.Length

        while i < text.Length do
            if Char.IsAscii text[i] then
                let unit = ascii[int text[i]]

                if unit <> dropped then
                    output.Add unit

                i <- i + 1
            else
                let start = i

                while i < text.Length && not (Char.IsAscii text[i]) do
                    i <- i + 1

                appendStretch output normalizer (text.Slice(start, i - start))

    /// The normalised text. A lone surrogate counts as U+FFFD.
    let normalize (normalizer: BertNormalizer) (text: string) =
        let output = CharBuffer()
        append output normalizer (text.AsSpan())
        output.Span.ToString()
