namespace Glem

open System

/// A growing run of UTF-16 units. Encoding one text after another reuses one buffer, so that it allocates nothing.
[<Sealed>]
type internal CharBuffer() =
    let mutable chars: char[] = Array.zeroCreate 256
    let mutable length = 0

    member _.Length = length
    member _.Span = ReadOnlySpan<char>(chars, 0, length)
    member _.Clear() = length <- 0

    /// Makes room for `count` more units.
    member _.Reserve(count: int) =
        if chars.Length - length < count then
            Array.Resize(&chars, max (length + count) (2 * chars.Length))

    member this.Add(unit: char) =
        if length = chars.Length then
            this.Reserve 1

        chars[length] <- unit
        length <- length + 1

    /// Raises ArgumentOutOfRangeException for a surrogate.
    member this.AddCodePoint(codePoint: int) =
        this.Reserve 2
        length <- length + Text.Rune(codePoint).EncodeToUtf16(Span<char>(chars, length, 2))
