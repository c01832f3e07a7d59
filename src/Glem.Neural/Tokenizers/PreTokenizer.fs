namespace Glem

open System
open System.Text

/// When a Metaspace puts its sign before a text: always, before a text's beginning only, or never.
type PrependScheme =
    | Always
    | First
    | Never

/// A step that cuts normalised text into words. Named and meant as in a tokenizer.json.
[<RequireQualifiedAccess>]
type PreTokenizer =
    | Bert
    /// Runs of word characters, and runs of what is neither that nor white space.
    | Whitespace
    | WhitespaceSplit
    /// GPT-2's words (where `useRegex`), written in bytes as ByteAlphabet has them.
    | ByteLevel of addPrefixSpace: bool * useRegex: bool
    /// SentencePiece's: blanks become a sign that starts a word.
    | Metaspace of sign: string * PrependScheme * split: bool
    | Split of TextPattern * SplitBehavior * invert: bool
    | Punctuation of SplitBehavior
    | Digits of individual: bool
    | CharDelimiterSplit of delimiter: string

/// Words as stretches of a text, while pre-tokenisers cut and rewrite them.
[<Sealed>]
type internal Words(tracks: bool) =
    let mutable text = CharBuffer tracks
    let mutable first = CharBuffer tracks
    let mutable second = CharBuffer tracks
    let mutable spans = ResizeArray<struct (int * int)>()
    let mutable others = ResizeArray<struct (int * int)>()

    let swapSpans () =
        let before = spans
        spans <- others
        others <- before

    member _.Text = text
    member _.Count = spans.Count
    member _.Item(i: int) = spans[i]

    /// One word: [start, start + length) of `source`.
    member _.Start(source: CharBuffer, start: int, length: int) =
        text <- source
        spans.Clear()
        spans.Add(struct (start, length))

    /// Cuts each word in place: cut text start length words.
    member _.Cut(cut: CharBuffer -> int -> int -> ResizeArray<struct (int * int)> -> unit) =
        others.Clear()

        for struct (start, length) in spans do
            cut text start length others

        swapSpans ()

    /// Writes each word anew: rewrite text start length output words.
    member _.Rewrite(rewrite: CharBuffer -> int -> int -> CharBuffer -> ResizeArray<struct (int * int)> -> unit) =
        others.Clear()
        first.Clear()

        for struct (start, length) in spans do
            rewrite text start length first others

        text <- first
        first <- second
        second <- text
        swapSpans ()

module PreTokenizer =
    /// Stretches of characters that `matches`: each character by itself, or whole runs.
    let private matchesOf
        (matches: Rune -> bool)
        runs
        (text: CharBuffer)
        first
        count
        (found: ResizeArray<struct (int * int)>)
        =
        let span = text.Span
        let mutable i = first
        let mutable from = -1

        while i < first + count do
            let mutable rune = Rune.ReplacementChar
            let mutable units = 0
            Rune.DecodeFromUtf16(span.Slice i, &rune, &units) |> ignore

            if matches rune then
                if not runs then
                    found.Add(struct (i, units))
                elif from < 0 then
                    from <- i
            elif from >= 0 then
                found.Add(struct (from, i - from))
                from <- -1

            i <- i + units

        if from >= 0 then
            found.Add(struct (from, first + count - from))

    let private cutAt find behavior invert (text: CharBuffer) first count words =
        let found = ResizeArray<struct (int * int)>()
        find text first count found
        SplitBehavior.cut behavior found invert first count words

    let private patternMatches pattern (text: CharBuffer) first count (found: ResizeArray<struct (int * int)>) =
        TextPattern.matches pattern (text.Span.Slice(first, count)) found

        for i in 0 .. found.Count - 1 do
            let struct (start, length) = found[i]
            found[i] <- struct (first + start, length)

    let private isNumber (rune: Rune) = Rune.IsNumber rune

    let private bertWords (text: CharBuffer) first count (words: ResizeArray<struct (int * int)>) =
        let span = text.Span.Slice(first, count)
        let mutable struct (start, length) = BertPreTokenizer.next span 0

        while length > 0 do
            words.Add(struct (first + start, length))
            let struct (nextStart, nextLength) = BertPreTokenizer.next span (start + length)
            start <- nextStart
            length <- nextLength

    let private prefixed (prefix: string) (text: CharBuffer) start length (output: CharBuffer) (words: ResizeArray<_>) =
        let first = output.Length

        if
            length > 0
            && not (text.Span.Slice(start, length).StartsWith(prefix.AsSpan(), StringComparison.Ordinal))
        then
            output.From(text, start)
            output.AddAll(prefix.AsSpan())

        output.Copy(text, start, length)
        words.Add(struct (first, output.Length - first))

    let private toBytes (text: CharBuffer) start length (output: CharBuffer) (words: ResizeArray<_>) =
        let first = output.Length
        ByteAlphabet.append text start length output
        words.Add(struct (first, output.Length - first))

    let private withSign (sign: string) (text: CharBuffer) start length (output: CharBuffer) (words: ResizeArray<_>) =
        let span = text.Span
        let first = output.Length

        for i in start .. start + length - 1 do
            output.From(text, i)

            if span[i] = ' ' then output.AddAll(sign.AsSpan()) else output.Add span[i]

        words.Add(struct (first, output.Length - first))

    /// `atStart`: the words begin the original text.
    let internal apply (atStart: bool) (preTokenizer: PreTokenizer) (words: Words) =
        match preTokenizer with
        | PreTokenizer.Bert -> words.Cut bertWords
        | PreTokenizer.Whitespace ->
            words.Cut(cutAt (matchesOf Rune.IsWhiteSpace true) Removed false)
            words.Cut(cutAt (matchesOf CharacterClass.isWordCharacter true) Isolated false)
        | PreTokenizer.WhitespaceSplit -> words.Cut(cutAt (matchesOf Rune.IsWhiteSpace true) Removed false)
        | PreTokenizer.ByteLevel(addPrefixSpace, useRegex) ->
            if addPrefixSpace then
                words.Rewrite(prefixed " ")

            if useRegex then
                words.Cut ByteLevelWords.cut

            words.Rewrite toBytes
        | PreTokenizer.Metaspace(sign, scheme, split) ->
            words.Rewrite(withSign sign)
            let mutable isFirst = atStart

            if scheme <> Never then
                words.Rewrite(fun text start length output spans ->
                    let prefix = if scheme = Always || isFirst then sign else ""
                    isFirst <- false
                    prefixed prefix text start length output spans)

            if split then
                words.Cut(cutAt (patternMatches (TextPattern(Literal sign, None))) MergedWithNext false)
        | PreTokenizer.Split(pattern, behavior, invert) -> words.Cut(cutAt (patternMatches pattern) behavior invert)
        | PreTokenizer.Punctuation behavior ->
            words.Cut(cutAt (matchesOf CharacterClass.isPunctuation false) behavior false)
        | PreTokenizer.Digits individual ->
            words.Cut(cutAt (matchesOf isNumber false) (if individual then Isolated else Contiguous) false)
        | PreTokenizer.CharDelimiterSplit delimiter ->
            words.Cut(cutAt (patternMatches (TextPattern(Literal delimiter, None))) Removed false)
