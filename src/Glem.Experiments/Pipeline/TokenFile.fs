namespace Glem

open System
open System.IO
open System.Runtime.InteropServices

/// Tokenised texts on disk, read without a copy. The content of a checked file, all little-endian:
///   ids      : [t] int32, text after text, and 4 bytes of zero where t is odd
///   offsets  : [n+1] int64, text i is ids[offsets[i] .. offsets[i+1]-1]
///   n, t     : int64 each
module TokenFile =
    let private kind = "glem tokens 1"
    let private int64Bytes (values: int64[]) = MemoryMarshal.AsBytes(ReadOnlySpan values)

    /// Ids of a memory that holds several texts; spans end at 2^31 elements.
    let private mostOfPart = 1 <<< 30

    /// Writes texts part by part, so that no more than a part of them is in memory. Raises as CheckedFile.write does.
    let write (path: string) (parts: PackedTokens seq) =
        CheckedFile.write path kind (fun stream ->
            let offsets = ResizeArray [ 0L ]

            for part in parts do
                stream.Write(MemoryMarshal.AsBytes(ReadOnlySpan part.Ids))
                let before = offsets[offsets.Count - 1]

                for i in 1 .. part.Count do
                    offsets.Add(before + int64 part.Offsets[i])

            let ids = offsets[offsets.Count - 1]

            if ids % 2L = 1L then
                stream.Write(ReadOnlySpan(Array.zeroCreate<byte> 4))

            stream.Write(int64Bytes (offsets.ToArray()))
            stream.Write(int64Bytes [| int64 offsets.Count - 1L; ids |]))

    let private bad problem = raise (InvalidDataException problem)

    /// The texts as slices of the mapped file. Raises InvalidDataException for a file that is damaged, before anything is
    /// allocated by the sizes in it; IOException, UnauthorizedAccessException.
    let read (path: string) : TokenisedTexts =
        let file = CheckedFile.read path kind
        let start, length = int64 CheckedFile.headerBytes, file.Length - int64 CheckedFile.headerBytes

        if length < 24L then
            bad $"%d{length} bytes of content, fewer than an empty file's 24"

        let sizes = file.Memory<int64>(file.Length - 16L, 2).Span
        let n, t = sizes[0], sizes[1]
        // Neither can be so large that the sum overflows.
        let isPossible = n >= 0L && t >= 0L && n < length / 8L && t <= length / 4L && n < int64 Array.MaxLength

        if not isPossible || (t + t % 2L) * 4L + (n + 1L) * 8L + 16L <> length then
            bad $"%d{n} texts of %d{t} ids, which do not fill %d{length} bytes"

        let table = start + (t + t % 2L) * 4L
        let offset i = (file.Memory<int64>(table + 8L * i, 1).Span)[0]

        // Memories of several texts each: one for every text would be an object for every text.
        let texts = Array.zeroCreate<ReadOnlyMemory<int>>(int n)
        let offsets = file.Memory<int64>(table, int n + 1)

        if offset 0L <> 0L || offset n <> t then
            bad $"offsets from %d{offset 0L} to %d{offset n}, not from 0 to %d{t}"

        let mutable first = 0L
        let mutable part = ReadOnlyMemory<int>.Empty

        for i in 0 .. texts.Length - 1 do
            let from, until = offsets.Span[i], offsets.Span[i + 1]

            if from > until || until > t || until - from > int64 mostOfPart then
                bad $"offsets %d{from} and %d{until} of text %d{i}"

            if until - first > int64 part.Length then
                first <- from
                part <- file.Memory<int>(start + 4L * from, min (int64 mostOfPart) (t - from) |> int)

            texts[i] <- part.Slice(int (from - first), int (until - from))

        texts
