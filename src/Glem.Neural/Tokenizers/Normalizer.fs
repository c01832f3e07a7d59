namespace Glem

open System
open System.Text

/// A step from text to text, before words are cut. Named and meant as in a tokenizer.json.
[<RequireQualifiedAccess>]
type Normalizer =
    | Bert of BertNormalizer
    | Unicode of UnicodeForm
    | Lowercase
    /// Drops every mark (categories Mn, Mc, Me); does not decompose.
    | StripAccents
    /// White space at the ends.
    | Strip of left: bool * right: bool
    | Replace of TextPattern * content: string
    | Prepend of string
    | Precompiled of Charsmap

module Normalizer =
    let private isMark (rune: Rune) =
        match Rune.GetUnicodeCategory rune with
        | Globalization.UnicodeCategory.NonSpacingMark
        | Globalization.UnicodeCategory.SpacingCombiningMark
        | Globalization.UnicodeCategory.EnclosingMark -> true
        | _ -> false

    let private appendRunes (input: CharBuffer) (output: CharBuffer) (append: int -> Rune -> unit) =
        let text = input.Span
        let mutable i = 0
        output.Reserve text.Length

        while i < text.Length do
            let mutable rune = Rune.ReplacementChar
            let mutable units = 0
            Rune.DecodeFromUtf16(text.Slice i, &rune, &units) |> ignore
            output.From(input, i)
            append i rune
            i <- i + units

    let private replace pattern (content: string) (input: CharBuffer) (output: CharBuffer) =
        let found = ResizeArray<struct (int * int)>()
        TextPattern.matches pattern input.Span found
        let mutable from = 0

        for struct (first, length) in found do
            output.Copy(input, from, first - from)

            if length > 0 then
                output.From(input, first + length - 1)

            output.AddAll(content.AsSpan())
            from <- first + length

        output.Copy(input, from, input.Length - from)

    /// A blank where the case of a name changes: "IAsyncEnumerable" reads "I Async Enumerable", "XMLReader" reads "XML Reader".
    let splitIdentifiers =
        match TextPattern.create (Expression @"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])") with
        | Ok seam -> Normalizer.Replace(seam, " ")
        | Error problem -> invalidOp problem

    let internal append (normalizer: Normalizer) (input: CharBuffer) (output: CharBuffer) =
        let text = input.Span

        match normalizer with
        | Normalizer.Bert bert -> BertNormalizer.append bert input output
        | Normalizer.Unicode form -> UnicodeForm.append form input output
        | Normalizer.Lowercase ->
            appendRunes input output (fun _ rune -> BertNormalizer.appendCased output true rune.Value)
        | Normalizer.StripAccents ->
            appendRunes input output (fun _ rune ->
                if not (isMark rune) then
                    output.AddCodePoint rune.Value)
        | Normalizer.Strip(left, right) ->
            let first = if left then text.Length - text.TrimStart().Length else 0
            let rest = text.Slice first
            output.Copy(input, first, (if right then rest.TrimEnd() else rest).Length)
        | Normalizer.Replace(pattern, content) -> replace pattern content input output
        | Normalizer.Prepend prefix ->
            if text.Length > 0 then
                output.From(input, 0)
                output.AddAll(prefix.AsSpan())
                output.Copy(input, 0, text.Length)
        | Normalizer.Precompiled map -> Charsmap.append map input output
