namespace Glem

open System
open System.Text

/// A growing run of UTF-16 units. Encoding one text after another reuses one buffer, so that it allocates nothing. A
/// buffer that `tracks` knows of each unit where in the original text it comes from, so that tokens have offsets.
[<Sealed>]
type internal CharBuffer(tracks: bool) =
    let mutable chars: char[] = Array.zeroCreate 256
    let mutable starts: int[] = Array.zeroCreate (if tracks then 256 else 0)
    let mutable stops: int[] = Array.zeroCreate (if tracks then 256 else 0)
    let mutable length = 0
    let mutable start = 0
    let mutable stop = 0

    member _.Tracks = tracks
    member _.Length = length
    member _.Span = ReadOnlySpan<char>(chars, 0, length)
    member _.Clear() = length <- 0

    /// Where unit `i`'s original character starts. Only in a buffer that tracks.
    member _.StartOf(i: int) = starts[i]

    /// Where unit `i`'s original character ends. Only in a buffer that tracks.
    member _.StopOf(i: int) = stops[i]

    /// Makes room for `count` more units.
    member _.Reserve(count: int) =
        if chars.Length - length < count then
            let size = max (length + count) (2 * chars.Length)
            Array.Resize(&chars, size)

            if tracks then
                Array.Resize(&starts, size)
                Array.Resize(&stops, size)

    /// What is added next comes from where unit `at` of `input` comes from.
    member _.From(input: CharBuffer, at: int) =
        if tracks then
            start <- input.StartOf at
            stop <- input.StopOf at

    member this.Add(unit: char) =
        if length = chars.Length then
            this.Reserve 1

        chars[length] <- unit

        if tracks then
            starts[length] <- start
            stops[length] <- stop

        length <- length + 1

    /// Raises ArgumentOutOfRangeException for a surrogate.
    member this.AddCodePoint(codePoint: int) =
        let rune = Rune codePoint

        if rune.IsBmp then
            this.Add(char codePoint)
        else
            this.Add(char (0xD7C0 + (codePoint >>> 10)))
            this.Add(char (0xDC00 + (codePoint &&& 0x3FF)))

    /// All from the same place.
    member this.AddAll(units: ReadOnlySpan<char>) =
        for unit in units do
            this.Add unit

    /// Units [first, first + count) of `input` as they are.
    member this.Copy(input: CharBuffer, first: int, count: int) =
        this.Reserve count
        input.Span.Slice(first, count).CopyTo(Span<char>(chars, length, count))

        if tracks then
            for i in 0 .. count - 1 do
                starts[length + i] <- input.StartOf(first + i)
                stops[length + i] <- input.StopOf(first + i)

        length <- length + count

    /// The original text in place of what was here. A lone surrogate becomes U+FFFD.
    member this.Load(text: ReadOnlySpan<char>) =
        length <- 0
        this.Reserve text.Length
        text.CopyTo(Span<char>(chars))
        length <- text.Length

        if tracks then
            for i in 0 .. length - 1 do
                starts[i] <- i
                stops[i] <- i + 1

        let mutable i = text.IndexOfAnyInRange('\uD800', '\uDFFF')

        while i >= 0 && i < length do
            if Char.IsHighSurrogate chars[i] && i + 1 < length && Char.IsLowSurrogate chars[i + 1] then
                if tracks then
                    stops[i] <- i + 2
                    starts[i + 1] <- i

                i <- i + 2
            elif Char.IsSurrogate chars[i] then
                chars[i] <- '\uFFFD'
                i <- i + 1
            else
                let next = text.Slice(i).IndexOfAnyInRange('\uD800', '\uDFFF')
                i <- if next < 0 then -1 else i + next
