namespace Glem

open System
open System.Globalization
open System.Text
open System.Text.RegularExpressions

/// What a normaliser replaces or a pre-tokeniser splits at.
type PatternSource =
    | Literal of string
    | Expression of string

/// A PatternSource that has been understood. Two are equal when their sources are.
[<Sealed>]
type TextPattern internal (source: PatternSource, expression: Regex option) =
    member _.Source = source
    member internal _.Expression = expression

    override _.Equals other =
        match other with
        | :? TextPattern as pattern -> pattern.Source = source
        | _ -> false

    override _.GetHashCode() = hash source

module TextPattern =
    /// For each category, some character of it below the surrogates: the last, so that no pattern means it in person.
    let private standIns =
        let table: char[] = Array.create 32 '\u0378'

        for unit in '\u0080' .. '\uD7FF' do
            table[int (Char.GetUnicodeCategory unit)] <- unit

        table

    /// Text with one unit a character, so that `.` and `\p{L}` see characters, and each unit's place in the text.
    /// A character of two units is stood for by one of its category.
    let private oneUnitEach (text: ReadOnlySpan<char>) =
        let units = StringBuilder text.Length
        let places = ResizeArray<int> text.Length
        let mutable at = 0

        while at < text.Length do
            places.Add at

            if Char.IsHighSurrogate text[at] && at + 1 < text.Length then
                let category = CharUnicodeInfo.GetUnicodeCategory(Char.ConvertToUtf32(text[at], text[at + 1]))
                units.Append standIns[int category] |> ignore
                at <- at + 2
            else
                units.Append text[at] |> ignore
                at <- at + 1

        places.Add text.Length
        struct (units.ToString(), places)

    /// Matching in time linear in the text where the expression allows it; look-around does not.
    let private understand (expression: string) =
        let options = RegexOptions.CultureInvariant

        try
            Regex(expression, options ||| RegexOptions.NonBacktracking)
        with :? NotSupportedException ->
            Regex(expression, options)

    /// The error says what .NET does not understand of an expression, or that it names characters beyond U+FFFF.
    let create (source: PatternSource) : Result<TextPattern, string> =
        match source with
        | Literal _ -> Ok(TextPattern(source, None))
        | Expression expression when Seq.exists Char.IsSurrogate expression ->
            Error "an expression with characters beyond U+FFFF"
        | Expression expression ->
            try
                Ok(TextPattern(source, Some(understand expression)))
            with :? ArgumentException as problem ->
                Error $"an expression that .NET does not understand (%s{problem.Message})"

    /// Appends the matches in `text`, from left to right, as starts and lengths.
    let internal matches (pattern: TextPattern) (text: ReadOnlySpan<char>) (found: ResizeArray<struct (int * int)>) =
        match pattern.Source, pattern.Expression with
        | Literal "", _ -> ()
        | Literal literal, _ ->
            let mutable from = 0

            while from < text.Length do
                match text.Slice(from).IndexOf(literal.AsSpan(), StringComparison.Ordinal) with
                | -1 -> from <- text.Length
                | offset ->
                    found.Add(struct (from + offset, literal.Length))
                    from <- from + offset + literal.Length
        | Expression _, Some expression when text.IndexOfAnyInRange('\uD800', '\uDFFF') < 0 ->
            let mutable all = expression.EnumerateMatches text

            while all.MoveNext() do
                found.Add(struct (all.Current.Index, all.Current.Length))
        | Expression _, Some expression ->
            let struct (units, places) = oneUnitEach text
            let mutable all = expression.EnumerateMatches(units.AsSpan())

            while all.MoveNext() do
                let first = places[all.Current.Index]
                found.Add(struct (first, places[all.Current.Index + all.Current.Length] - first))
        | Expression _, None -> ()
