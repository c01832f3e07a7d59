namespace Glem

open System
open System.IO
open System.Runtime.InteropServices

/// Vectors as a safetensors file with one tensor, `embeddings` : [n; d] in float32; row by row, so that they may be more than
/// there is memory.
module VectorFile =
    /// Raises IOException.
    let write (path: string) (vectors: Vectors) =
        use file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 <<< 20)
        let rows = int64 vectors.Count

        file.Write(
            ReadOnlySpan(EmbeddingFormat.header EmbeddingFormat.Safetensors EmbeddingType.Float32 rows vectors.Width)
        )

        for i in 0 .. vectors.Count - 1 do
            file.Write(MemoryMarshal.AsBytes(vectors.Row i))

    /// What `write` wrote, in memory or in a mapped file as the budget says.   width : d
    /// Raises InvalidDataException where it is no whole number of rows, IOException.
    let read (memory: MemoryBudget) (path: string) (width: int) : Vectors =
        let file = MappedFile.Open path
        let start, row = int64 EmbeddingFormat.headerBytes, 4L * int64 width

        if (file.Length - start) % row <> 0L then
            raise (InvalidDataException $"%s{path}: %d{file.Length - start} bytes are no rows of %d{width} numbers")

        Vectors.build memory (int ((file.Length - start) / row)) width (fun write ->
            for i in 0 .. int ((file.Length - start) / row) - 1 do
                write i (file.Memory<float32>(start + int64 i * row, width)))
