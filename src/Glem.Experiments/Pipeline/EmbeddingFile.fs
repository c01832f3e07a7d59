namespace Glem

open System
open System.Buffers.Binary
open System.IO
open System.Runtime.InteropServices
open System.Text
open TorchSharp

/// How vectors are written down, told by the file's name.
[<RequireQualifiedAccess>]
type EmbeddingFormat =
    /// One tensor called `embeddings`.
    | Safetensors
    /// NumPy's own format, version 1.0.
    | Npy

/// The number format of the vectors in the file.
[<RequireQualifiedAccess>]
type EmbeddingType =
    | Float32
    | Float16
    | BFloat16

module EmbeddingFormat =
    /// By the ending. Error: another one.
    let ofPath (path: string) =
        match (Path.GetExtension path |> string).ToLowerInvariant() with
        | ".safetensors" -> Ok EmbeddingFormat.Safetensors
        | ".npy" -> Ok EmbeddingFormat.Npy
        | other -> Error(InSetting("--out", $"a file ending in '%s{other}'", ".safetensors or .npy"))

    /// Whether the format has the numbers. Error: NumPy knows no bfloat16.
    let holds format number =
        match format, number with
        | EmbeddingFormat.Npy, EmbeddingType.BFloat16 ->
            Error(InSetting("--dtype", "bfloat16 for a .npy file", "float32 or float16, or a .safetensors file"))
        | _ -> Ok()

    /// Bytes of one number.
    let bytes number =
        match number with
        | EmbeddingType.Float32 -> 4
        | EmbeddingType.Float16
        | EmbeddingType.BFloat16 -> 2

    /// Bytes of the header, whatever the counts in it: it is written last, over zeros. A multiple of 64, where NumPy wants the
    /// numbers to begin.
    let headerBytes = 256

    /// The file's first bytes, for [rows; width].
    let header format number (rows: int64) (width: int) : byte[] =
        let text (start: int) (content: string) (last: char) =
            let bytes = Array.zeroCreate<byte> headerBytes
            let room = headerBytes - start
            Encoding.ASCII.GetBytes(content.PadRight(room - 1) + string last).CopyTo(bytes, start)
            bytes

        match format with
        // https://huggingface.co/docs/safetensors: the header's length in 8 bytes, the header, the numbers.
        | EmbeddingFormat.Safetensors ->
            let name =
                match number with
                | EmbeddingType.Float32 -> "F32"
                | EmbeddingType.Float16 -> "F16"
                | EmbeddingType.BFloat16 -> "BF16"

            let length = int64 (bytes number) * rows * int64 width

            let tensor =
                $"\"embeddings\":{{\"dtype\":\"%s{name}\",\"shape\":[%d{rows},%d{width}],\"data_offsets\":[0,%d{length}]}}"

            let bytes = text 8 $"{{\"__metadata__\":{{\"format\":\"pt\"}},%s{tensor}}}" ' '
            BinaryPrimitives.WriteInt64LittleEndian(Span bytes, int64 headerBytes - 8L)
            bytes
        // https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html: magic, version, the header's length in 2
        // bytes, a Python dictionary that ends in a line end, the numbers.
        | EmbeddingFormat.Npy ->
            let descr = if number = EmbeddingType.Float16 then "<f2" else "<f4"
            let shape = $"{{'descr': '%s{descr}', 'fortran_order': False, 'shape': (%d{rows}, %d{width}), }}"
            let bytes = text 10 shape '\n'
            [| 0x93uy; byte 'N'; byte 'U'; byte 'M'; byte 'P'; byte 'Y'; 1uy; 0uy |].CopyTo(bytes, 0)
            BinaryPrimitives.WriteUInt16LittleEndian(Span(bytes, 8, 2), uint16 (headerBytes - 10))
            bytes

/// Vectors on their way to a file, and their ids to `<file>.ids.txt`, one a line. Both are written beside, as `<file>.partial`
/// and `<file>.ids.partial`; Complete renames them, the ids first, so that a file of vectors is whole and has its ids.
/// Disposal leaves what is there of the vectors, for a pass that goes on; nobody else may have them open meanwhile.
type EmbeddingFile(path: string, format: EmbeddingFormat, number: EmbeddingType, width: int) =
    let beside, idsBeside = $"%s{path}.partial", $"%s{path}.ids.partial"
    let vectors = File.OpenHandle(beside, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None)
    let ids = new StreamWriter(idsBeside, false, UTF8Encoding false)
    let rowBytes = int64 (EmbeddingFormat.bytes number * width)
    let start row = int64 EmbeddingFormat.headerBytes + row * rowBytes
    let mutable rows = 0L

    // All machines that .NET runs on are little-endian, as both formats are.
    let bytes (vector: ReadOnlySpan<float32>) : byte[] =
        match number with
        | EmbeddingType.Float32 -> MemoryMarshal.AsBytes(vector).ToArray()
        | EmbeddingType.Float16 ->
            let short = vector.ToArray() |> Array.map Half.op_Explicit
            MemoryMarshal.AsBytes(ReadOnlySpan<Half> short).ToArray()
        | EmbeddingType.BFloat16 ->
            let short = vector.ToArray() |> Array.map (fun x -> BFloat16 x)
            MemoryMarshal.AsBytes(ReadOnlySpan<BFloat16> short).ToArray()

    /// Rows that have ids.
    member _.Rows = rows

    /// Adds rows of these ids, and answers whether an interrupted pass had room for them already. Raises GlemException for
    /// an id that is more than a line.
    member _.Extend(names: string[]) : bool =
        for name in names do
            if name |> Seq.exists Char.IsControl then
                let shown = name |> String.map (fun letter -> if Char.IsControl letter then ' ' else letter)
                raise (GlemException(InValue($"id '%s{shown}'", "a control character in it", "an id of one line")))

            ids.Write(name + "\n")

        rows <- rows + int64 names.Length
        let hadRoom = RandomAccess.GetLength vectors >= start rows

        if not hadRoom then
            RandomAccess.SetLength(vectors, start rows)

        hadRoom

    /// One row : [width].
    member _.Write(row: int64, vector: ReadOnlySpan<float32>) =
        RandomAccess.Write(vectors, ReadOnlySpan(bytes vector), start row)

    /// Sees all rows so far to the disk.
    member _.Flush() = RandomAccess.FlushToDisk vectors

    /// Writes the header and gives the files their names.
    member _.Complete() =
        RandomAccess.Write(vectors, ReadOnlySpan(EmbeddingFormat.header format number rows width), 0L)
        RandomAccess.SetLength(vectors, start rows)
        RandomAccess.FlushToDisk vectors
        vectors.Dispose()
        ids.Dispose()
        File.Move(idsBeside, $"%s{path}.ids.txt", true)
        File.Move(beside, path, true)

    /// Leaves nothing.
    member _.Discard() =
        vectors.Dispose()
        ids.Dispose()
        File.Delete beside
        File.Delete idsBeside

    interface IDisposable with
        member _.Dispose() =
            vectors.Dispose()
            ids.Dispose()
