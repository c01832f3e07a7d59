namespace Glem

open System
open System.Buffers.Binary
open System.IO
open System.Runtime.InteropServices
open System.Text

/// How vectors are written down, told by the file's name.
[<RequireQualifiedAccess>]
type EmbeddingFormat =
    /// One tensor called `embeddings`.
    | Safetensors
    /// NumPy's own format, version 1.0.
    | Npy

module EmbeddingFormat =
    /// By the ending. Error: another one.
    let ofPath (path: string) =
        match (Path.GetExtension path |> string).ToLowerInvariant() with
        | ".safetensors" -> Ok EmbeddingFormat.Safetensors
        | ".npy" -> Ok EmbeddingFormat.Npy
        | other -> Error(InSetting("--out", $"a file ending in '%s{other}'", ".safetensors or .npy"))

    /// Bytes of the header, whatever the counts in it: it is written last, over zeros. A multiple of 64, where NumPy wants the
    /// numbers to begin.
    let headerBytes = 256

    /// The file's first bytes, for float32 [rows; width].
    let header format (rows: int64) (width: int) : byte[] =
        let text (start: int) (content: string) (last: char) =
            let bytes = Array.zeroCreate<byte> headerBytes
            let room = headerBytes - start
            Encoding.ASCII.GetBytes(content.PadRight(room - 1) + string last).CopyTo(bytes, start)
            bytes

        match format with
        // https://huggingface.co/docs/safetensors: the header's length in 8 bytes, the header, the numbers.
        | EmbeddingFormat.Safetensors ->
            let tensor =
                $"\"embeddings\":{{\"dtype\":\"F32\",\"shape\":[%d{rows},%d{width}],\"data_offsets\":[0,%d{4L * rows * int64 width}]}}"

            let bytes = text 8 $"{{\"__metadata__\":{{\"format\":\"pt\"}},%s{tensor}}}" ' '
            BinaryPrimitives.WriteInt64LittleEndian(Span bytes, int64 headerBytes - 8L)
            bytes
        // https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html: magic, version, the header's length in 2
        // bytes, a Python dictionary that ends in a line end, the numbers.
        | EmbeddingFormat.Npy ->
            let shape = $"{{'descr': '<f4', 'fortran_order': False, 'shape': (%d{rows}, %d{width}), }}"
            let bytes = text 10 shape '\n'
            [| 0x93uy; byte 'N'; byte 'U'; byte 'M'; byte 'P'; byte 'Y'; 1uy; 0uy |].CopyTo(bytes, 0)
            BinaryPrimitives.WriteUInt16LittleEndian(Span(bytes, 8, 2), uint16 (headerBytes - 10))
            bytes

/// Vectors on their way to a file, and their ids to `<file>.ids.txt`, one a line. Both are written beside; Complete renames
/// them, the ids first, so that a file of vectors is whole and has its ids. Disposal without it leaves nothing behind.
type EmbeddingFile(path: string, format: EmbeddingFormat, width: int) =
    let beside = $"%s{path}.%d{Environment.ProcessId}.tmp"
    let idsBeside = $"%s{path}.ids.%d{Environment.ProcessId}.tmp"
    let vectors = new FileStream(beside, FileMode.Create, FileAccess.Write, FileShare.None, 1 <<< 20)
    let ids = new StreamWriter(idsBeside, false, UTF8Encoding false)
    let mutable rows = 0L
    do vectors.Write(Array.zeroCreate<byte> EmbeddingFormat.headerBytes, 0, EmbeddingFormat.headerBytes)

    /// Rows written.
    member _.Rows = rows

    /// values : [m; width] row-major, of m ids. Raises GlemException for an id that is more than a line.
    member _.Append(names: string[], values: float32[]) =
        for name in names do
            if name |> Seq.exists Char.IsControl then
                let shown = name |> String.map (fun letter -> if Char.IsControl letter then ' ' else letter)
                raise (GlemException(InValue($"id '%s{shown}'", "a control character in it", "an id of one line")))

            ids.Write(name + "\n")

        // All machines that .NET runs on are little-endian, as both formats are.
        vectors.Write(MemoryMarshal.AsBytes(ReadOnlySpan values))
        rows <- rows + int64 names.Length

    /// Writes the header and gives the files their names.
    member _.Complete() =
        vectors.Position <- 0L
        vectors.Write(ReadOnlySpan(EmbeddingFormat.header format rows width))
        vectors.Flush true
        vectors.Dispose()
        ids.Dispose()
        File.Move(idsBeside, $"%s{path}.ids.txt", true)
        File.Move(beside, path, true)

    interface IDisposable with
        member _.Dispose() =
            vectors.Dispose()
            ids.Dispose()
            File.Delete beside
            File.Delete idsBeside
