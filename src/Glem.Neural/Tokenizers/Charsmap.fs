namespace Glem

open System
open System.Buffers.Binary
open System.Globalization
open System.Text

/// SentencePiece's compiled normalisation rules: a double-array trie (Darts) from UTF-8 prefixes to replacements, which
/// lie behind it, each ended by a zero. Two are equal when their bytes are.
[<Sealed>]
type Charsmap internal (bytes: byte[], trieSize: int) =
    let units =
        Array.init (trieSize / 4) (fun i -> BinaryPrimitives.ReadUInt32LittleEndian(ReadOnlySpan(bytes, 4 + 4 * i, 4)))

    let offset (unit: uint32) = int ((unit >>> 10) <<< int ((unit &&& 0x200u) >>> 6))

    let replacement (index: int) =
        let rules = ReadOnlySpan(bytes, 4 + trieSize, bytes.Length - 4 - trieSize)

        if index >= rules.Length then
            None
        else
            let rule = rules.Slice index
            let stop = rule.IndexOf 0uy
            Some(Encoding.UTF8.GetString(if stop < 0 then rule else rule.Slice(0, stop)))

    let find (key: ReadOnlySpan<byte>) =
        let mutable node = if units.Length = 0 then -1 else offset units[0]
        let mutable i = 0
        let mutable found = None

        while found.IsNone && i < key.Length && node >= 0 && key[i] <> 0uy do
            node <- node ^^^ int key[i]

            if node < 0 || node >= units.Length || units[node] &&& 0x800000FFu <> uint32 key[i] then
                node <- -1
            else
                let unit = units[node]
                node <- node ^^^ offset unit

                if unit &&& 0x100u <> 0u && node >= 0 && node < units.Length then
                    found <- replacement (int (units[node] &&& 0x7FFFFFFFu))

                i <- i + 1

        found

    let ascii = Array.init 128 (fun code -> find (ReadOnlySpan [| byte code |]))
    member _.Bytes = ReadOnlyMemory<byte> bytes
    member internal _.OfAscii(unit: char) = ascii[int unit]

    /// What replaces a text that starts with a rule's left side: that of the shortest such rule, as in Hugging Face's
    /// library (sentencepiece takes the longest).
    member internal _.Find(key: ReadOnlySpan<byte>) = find key

    override _.Equals other =
        match other with
        | :? Charsmap as map -> map.Bytes.Span.SequenceEqual(ReadOnlySpan bytes)
        | _ -> false

    override _.GetHashCode() = bytes.Length

module Charsmap =
    /// Longer than any rule of a published map (33 bytes), so that broken rules cannot blow a text up.
    [<Literal>]
    let private LongestRule = 256

    let private longestRule (rules: ReadOnlySpan<byte>) =
        let mutable rest = rules
        let mutable longest = 0

        while not rest.IsEmpty do
            let stop = rest.IndexOf 0uy
            let length = if stop < 0 then rest.Length else stop
            longest <- max longest length
            rest <- rest.Slice(min rest.Length (length + 1))

        longest

    /// The error says what is wrong with the bytes.
    let create (bytes: byte[]) : Result<Charsmap, string> =
        if bytes.Length < 4 then
            Error $"%d{bytes.Length} bytes"
        else
            let trieSize = BinaryPrimitives.ReadUInt32LittleEndian(ReadOnlySpan bytes)

            if trieSize % 4u <> 0u || int64 trieSize > int64 (bytes.Length - 4) then
                Error $"a trie of %d{trieSize} bytes in a map of %d{bytes.Length}"
            else
                match longestRule (ReadOnlySpan(bytes, 4 + int trieSize, bytes.Length - 4 - int trieSize)) with
                | longest when longest > LongestRule -> Error $"a rule of %d{longest} bytes"
                | _ -> Ok(Charsmap(bytes, int trieSize))

    /// The replacement of [first, first + count): of n characters, the n-th and later ones of the replacement come from
    /// the last.
    let private appendRule (input: CharBuffer) first count (rule: string) (output: CharBuffer) =
        let mutable at = first

        for rune in rule.EnumerateRunes() do
            output.From(input, at)
            output.AddCodePoint rune.Value
            let units = if Char.IsHighSurrogate input.Span[at] then 2 else 1

            if at + units < first + count then
                at <- at + units

    /// One grapheme cluster: whole where there is a rule for it and it is short, else character by character.
    let private appendCluster (map: Charsmap) (input: CharBuffer) first count (output: CharBuffer) =
        let cluster = input.Span.Slice(first, count)
        let mutable whole = None

        if count < 6 && Encoding.UTF8.GetByteCount cluster < 6 then
            let bytes: byte[] = Array.zeroCreate 6
            let length = Encoding.UTF8.GetBytes(cluster, Span bytes)
            whole <- map.Find(ReadOnlySpan(bytes, 0, length))

        match whole with
        | Some rule -> appendRule input first count rule output
        | None ->
            let bytes: byte[] = Array.zeroCreate 4
            let mutable at = 0

            while at < count do
                let units = if Char.IsHighSurrogate cluster[at] then 2 else 1
                let length = Encoding.UTF8.GetBytes(cluster.Slice(at, units), Span bytes)

                match map.Find(ReadOnlySpan(bytes, 0, length)) with
                | Some rule -> appendRule input (first + at) units rule output
                | None -> output.Copy(input, first + at, units)

                at <- at + units

    let internal append (map: Charsmap) (input: CharBuffer) (output: CharBuffer) =
        let text = input.Span
        let mutable i = 0

        while i < text.Length do
            // ASCII before ASCII is a cluster of its own, but for CR LF.
            if Char.IsAscii text[i] && text[i] <> '\r' && (i + 1 = text.Length || Char.IsAscii text[i + 1]) then
                match map.OfAscii text[i] with
                | Some rule -> appendRule input i 1 rule output
                | None -> output.Copy(input, i, 1)

                i <- i + 1
            else
                let count = StringInfo.GetNextTextElementLength(text.Slice i)
                appendCluster map input i count output
                i <- i + count
