namespace Glem

open System
open System.IO
open System.Runtime.InteropServices
open Microsoft.Win32.SafeHandles
open TorchSharp

/// Vectors of n texts or nodes, row-major [n; d]: in memory, or in a mapped file where they would take too much of it; what
/// reads them need not know. A value: equal by its numbers, changed by nobody, freed by the garbage collector.
[<CustomEquality; NoComparison>]
type Vectors = private {
    width: int
    count: int
    /// Each of `Vectors.SegmentRows width` rows, the last of what is left.
    segments: ReadOnlyMemory<float32>[]
} with

    /// Rows of a segment: 1 GiB of them, for arrays and spans end at 2^31 elements.
    static member internal SegmentRows(width: int) = (1 <<< 28) / width |> max 1

    /// d.
    member this.Width = this.width

    /// n.
    member this.Count = this.count

    /// One vector : [d].
    member this.Row(i: int) : ReadOnlySpan<float32> =
        let segment = Vectors.SegmentRows this.width
        this.segments[i / segment].Span.Slice(i % segment * this.width, this.width)

    /// All of them in one array : [n; d] row-major. Raises OverflowException beyond 2^31 numbers.
    member this.ToArray() : float32[] =
        let all = Array.zeroCreate (Checked.(*) this.count this.width)
        let mutable at = 0

        for segment in this.segments do
            segment.CopyTo(Memory(all, at, segment.Length))
            at <- at + segment.Length

        all

    override this.Equals other =
        match other with
        | :? Vectors as other ->
            let same (a: ReadOnlyMemory<float32>) (b: ReadOnlyMemory<float32>) =
                MemoryExtensions.SequenceEqual(a.Span, b.Span)

            this.width = other.width
            && this.count = other.count
            && Array.forall2 same this.segments other.segments
        | _ -> false

    override this.GetHashCode() = HashCode.Combine(this.width, this.count)

module Vectors =
    /// Of [n; d] numbers, which nobody may change afterwards.
    let ofArray (width: int) (values: float32[]) : Vectors =
        if values.Length % width <> 0 then
            invalidArg (nameof values) $"%d{values.Length} numbers are no rows of %d{width}"

        let size = Vectors.SegmentRows width * width

        {
            width = width
            count = values.Length / width
            segments =
                Array.init ((values.Length + size - 1) / size) (fun k ->
                    ReadOnlyMemory(values, k * size, min size (values.Length - k * size)))
        }

    /// Lengths of the segments, in rows.
    let private rowsOfSegments count width =
        let size = Vectors.SegmentRows width
        Array.init ((count + size - 1) / size) (fun k -> min size (count - k * size))

    let private inMemory count width (fill: (int -> ReadOnlyMemory<float32> -> unit) -> unit) =
        let segments =
            rowsOfSegments count width |> Array.map (fun rows -> Array.zeroCreate<float32>(rows * width))

        let size = Vectors.SegmentRows width
        fill (fun row vector -> vector.CopyTo(Memory(segments[row / size], row % size * width, width)))

        {
            width = width
            count = count
            segments = segments |> Array.map ReadOnlyMemory
        }

    /// A new file without a name, where the system has such: it cannot be left behind.
    let private scratchFile (folder: string) (bytes: int64) : SafeFileHandle =
        Directory.CreateDirectory folder |> ignore
        let path = Path.Combine(folder, Guid.NewGuid().ToString "N")
        let share, options = FileShare.ReadWrite ||| FileShare.Delete, FileOptions.DeleteOnClose
        // Space that is not there is complained of now, and not in hours.
        let file = File.OpenHandle(path, FileMode.CreateNew, FileAccess.ReadWrite, share, options, bytes)

        if not (OperatingSystem.IsWindows()) then
            File.Delete path

        file

    let private inFile folder count width (fill: (int -> ReadOnlyMemory<float32> -> unit) -> unit) =
        let row = 4L * int64 width
        use file = scratchFile folder (row * int64 count)
        RandomAccess.SetLength(file, row * int64 count)

        fill (fun at vector -> RandomAccess.Write(file, MemoryMarshal.AsBytes vector.Span, row * int64 at))

        let mapped = MappedFile.OfHandle file
        let size = Vectors.SegmentRows width

        {
            width = width
            count = count
            segments =
                rowsOfSegments count width
                |> Array.mapi (fun k rows -> mapped.Memory<float32>(row * int64 (k * size), rows * width))
        }

    /// The vectors that `fill` hands on, each once, in any order; in a file where they are more than the budget.
    /// Raises IOException where the file cannot be written.
    let build
        (memory: MemoryBudget)
        (count: int)
        (width: int)
        (fill: (int -> ReadOnlyMemory<float32> -> unit) -> unit)
        =
        if 4L * int64 count * int64 width <= memory.Vectors then
            inMemory count width fill
        else
            inFile memory.Folder count width fill

    // Blocks of columns, each a tensor [n; w], into rows that lie in memory.
    let private columnsInMemory count width (fill: (int -> Tensor -> unit) -> unit) =
        let segments =
            rowsOfSegments count width |> Array.map (fun rows -> Array.zeroCreate<float32>(rows * width))

        fill (fun column block ->
            let w = int block.shape[1]
            let mutable first = 0L

            for segment in segments do
                let rows = segment.Length / width
                let part = MemoryMarshal.Cast<byte, float32>((block.narrow (0L, first, int64 rows)).bytes)

                for row in 0 .. rows - 1 do
                    part.Slice(row * w, w).CopyTo(Span(segment, row * width + column, w))

                first <- first + int64 rows)

        {
            width = width
            count = count
            segments = segments |> Array.map ReadOnlyMemory
        }

    let private readWhole (file: SafeFileHandle) (bytes: Span<byte>) (offset: int64) =
        let mutable got = 0

        while got < bytes.Length do
            match RandomAccess.Read(file, bytes.Slice got, offset + int64 got) with
            | 0 -> raise (EndOfStreamException "a scratch file ended before what was written into it")
            | more -> got <- got + more

    // Bytes of rows that are put together at a time.
    let private transposed = 1 <<< 22

    // The same into a mapped file. Blocks go to a scratch file as they are, from which rows are then put together: the disk
    // is read and written in long stretches only.
    let private columnsInFile folder count width (fill: (int -> Tensor -> unit) -> unit) =
        use blocks = scratchFile folder (4L * int64 count * int64 width)
        let rowsAtATime = transposed / (4 * width) |> min count |> max 1

        let stretches =
            [| 0..rowsAtATime .. count - 1 |] |> Array.map (fun row -> row, min rowsAtATime (count - row))

        let at column w row = 4L * (int64 count * int64 column + int64 w * int64 row)
        let written = Collections.Generic.List<struct (int * int)>()

        fill (fun column block ->
            let w = int block.shape[1]
            written.Add(struct (column, w))

            for row, rows in stretches do
                RandomAccess.Write(blocks, (block.narrow (0L, int64 row, int64 rows)).bytes, at column w row))

        inFile folder count width (fun write ->
            let together = Array.zeroCreate<float32>(rowsAtATime * width)
            let part = Array.zeroCreate<float32>(rowsAtATime * width)

            for row, rows in stretches do
                for struct (column, w) in written do
                    readWhole blocks (MemoryMarshal.AsBytes(Span(part, 0, rows * w))) (at column w row)

                    for k in 0 .. rows - 1 do
                        Array.blit part (k * w) together (k * width + column) w

                for k in 0 .. rows - 1 do
                    write (row + k) (ReadOnlyMemory(together, k * width, width)))

    /// Vectors that `fill` hands on in blocks of columns: a block's first column, and the block, a contiguous tensor [n; w] on
    /// the CPU; each column once. In a file where they are more than the budget. Raises IOException where the file cannot be
    /// written.
    let buildByColumns (memory: MemoryBudget) (count: int) (width: int) (fill: (int -> Tensor -> unit) -> unit) =
        if 4L * int64 count * int64 width <= memory.Vectors then
            columnsInMemory count width fill
        else
            columnsInFile memory.Folder count width fill

    /// Some rows as a new tensor on the CPU : [b; w], of each row the w columns from `first` on. The caller's dispose scope
    /// owns it.
    let some (rows: int[]) (first: int) (w: int) (vectors: Vectors) : Tensor =
        let all = torch.empty ([| int64 rows.Length; int64 w |], torch.ScalarType.Float32)
        // Spans end at 2^31 bytes.
        let size = Vectors.SegmentRows w

        for start in 0..size .. rows.Length - 1 do
            let count = min size (rows.Length - start)
            let part = MemoryMarshal.Cast<byte, float32>((all.narrow (0L, int64 start, int64 count)).bytes)

            for k in 0 .. count - 1 do
                vectors.Row(rows[start + k]).Slice(first, w).CopyTo(part.Slice(k * w, w))

        all

    /// As a new tensor : [n; d]. The caller's dispose scope owns it.
    let toTensor (device: torch.Device) (vectors: Vectors) : Tensor =
        Scope.freeing Seq.singleton (fun () ->
            let size = Vectors.SegmentRows vectors.width
            let all = torch.empty ([| int64 vectors.count; int64 vectors.width |], torch.ScalarType.Float32)

            vectors.segments
            |> Array.iteri (fun k segment ->
                let part = all.narrow (0L, int64 (k * size), int64 (segment.Length / vectors.width))
                MemoryMarshal.AsBytes(segment.Span).CopyTo part.bytes)

            all.``to`` device)
