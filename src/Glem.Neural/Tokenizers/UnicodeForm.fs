namespace Glem

open System
open System.Collections.Generic
open System.Globalization
open System.IO
open System.Text

/// Unicode's four normalization forms (Unicode Standard, section 3.11).
type UnicodeForm =
    | Nfc
    | Nfd
    | Nfkc
    | Nfkd

/// The forms from tables of our own, for the reason that CanonicalDecomposition gives.
module UnicodeForm =
    let private hex (text: string) = Int32.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture)

    let private lines =
        use stream = typeof<CharBuffer>.Assembly.GetManifestResourceStream "normalization-forms.txt" |> nonNull

        use reader = new StreamReader(stream)

        reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries)
        |> Array.filter (fun line -> not (line.StartsWith '#'))
        |> Array.map (fun line -> line.Split ": ")

    let private compatibleParts =
        let table = Dictionary<int, int[]>()

        for line in lines do
            if line[0].StartsWith "compatible " then
                table[hex (line[0].Substring 11)] <- line[1].Split ' ' |> Array.map hex

        table

    let private pair (first: int) (second: int) = (int64 first <<< 32) ||| int64 second

    let private compositions =
        let table = Dictionary<int64, int>()

        for line in lines do
            if not (line[0].StartsWith "compatible ") then
                let parts = line[1].Split ' ' |> Array.map hex
                table[pair parts[0] parts[1]] <- hex line[0]

        table

    /// What two characters compose to, or -1: by table, or by arithmetic for Hangul (section 3.12).
    let private composed first second =
        let leading, vowel, trailing = first - 0x1100, second - 0x1161, second - 0x11A7
        let syllable = first - 0xAC00

        if leading >= 0 && leading < 19 && vowel >= 0 && vowel < 21 then
            0xAC00 + (leading * 21 + vowel) * 28
        elif syllable >= 0 && syllable < 11172 && syllable % 28 = 0 && trailing > 0 && trailing < 28 then
            first + trailing
        else
            match compositions.TryGetValue(pair first second) with
            | true, character -> character
            | _ -> -1

    /// A character with its combining class and where in the input it stands.
    type private Mark = (struct (int * int * int))

    /// Canonical order (D109): between two starters, marks go by class, those of one class as they came. The places stay
    /// as they were, as in Hugging Face's library: the first mark then comes from where the first mark was.
    let private order (characters: ResizeArray<Mark>) =
        let mutable i = 0

        while i < characters.Count do
            let first = i

            let isMark at =
                let struct (_, combiningClass, _) = characters[at]
                combiningClass > 0

            while i < characters.Count && isMark i do
                i <- i + 1

            if i - first > 1 then
                characters.GetRange(first, i - first)
                |> Seq.sortBy (fun (struct (_, combiningClass, _)) -> combiningClass)
                |> Seq.toArray
                |> Array.iteri (fun k (struct (mark, combiningClass, _)) ->
                    let struct (_, _, at) = characters[first + k]
                    characters[first + k] <- struct (mark, combiningClass, at))

            i <- i + 1

    /// Canonical composition (D117): a character joins the last starter unless one between them blocks it.
    let private compose (characters: ResizeArray<Mark>) =
        let mutable starter = -1
        let mutable lastClass = 0
        let mutable kept = 0

        for i in 0 .. characters.Count - 1 do
            let struct (character, combiningClass, _) = characters[i]
            let adjacent = starter = kept - 1

            let joined =
                if starter >= 0 && (adjacent || lastClass < combiningClass && lastClass > 0) then
                    let struct (first, _, _) = characters[starter]
                    composed first character
                else
                    -1

            if joined >= 0 then
                let struct (_, _, at) = characters[starter]
                characters[starter] <- struct (joined, 0, at)
            else
                if combiningClass = 0 then
                    starter <- kept

                lastClass <- combiningClass
                characters[kept] <- characters[i]
                kept <- kept + 1

        characters.RemoveRange(kept, characters.Count - kept)

    let private decompose compatible codePoint =
        match compatible && compatibleParts.ContainsKey codePoint with
        | true -> compatibleParts[codePoint]
        | false -> CanonicalDecomposition.parts codePoint

    let private appendStretch form (input: CharBuffer) first last (output: CharBuffer) =
        let text = input.Span
        let characters = ResizeArray<Mark>()
        let compatible = form = Nfkc || form = Nfkd
        let mutable next = first

        while next < last do
            let at = next
            let mutable rune = Rune.ReplacementChar
            let mutable units = 0
            Rune.DecodeFromUtf16(text.Slice at, &rune, &units) |> ignore
            next <- at + units

            match decompose compatible rune.Value with
            | [||] -> characters.Add(struct (rune.Value, CanonicalDecomposition.combiningClass rune.Value, at))
            | parts ->
                for part in parts do
                    characters.Add(struct (part, CanonicalDecomposition.combiningClass part, at))

        order characters

        if form = Nfc || form = Nfkc then
            compose characters

        for struct (character, _, at) in characters do
            output.From(input, at)
            output.AddCodePoint character

    /// The text in a form. Of a character made of several, the first says where it comes from.
    let internal append (form: UnicodeForm) (input: CharBuffer) (output: CharBuffer) =
        let text = input.Span
        // Below it, no character changes by itself; only one right before a mark may.
        let plain = if form = Nfc then '\u0300' else '\u0080'
        let mutable i = 0

        while i < text.Length do
            let first = i

            while i < text.Length && text[i] < plain do
                i <- i + 1

            let copied = if i < text.Length then max 0 (i - first - 1) else i - first
            output.Copy(input, first, copied)

            if i < text.Length then
                while i < text.Length && text[i] >= plain do
                    i <- i + 1

                appendStretch form input (first + copied) i output

    /// The text in a form. A lone surrogate counts as U+FFFD.
    let normalize (form: UnicodeForm) (text: string) =
        let input = CharBuffer false
        let output = CharBuffer false
        input.Load(text.AsSpan())
        append form input output
        output.Span.ToString()
