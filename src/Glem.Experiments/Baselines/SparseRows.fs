namespace Glem

open System
open System.Numerics
open System.Threading.Tasks

/// A sparse matrix by rows, [n; d]: row i holds Values[Offsets[i] .. Offsets[i+1]-1] at Columns, ascending.
type SparseRows = {
    Offsets: int[]
    Columns: int[]
    Values: float[]
    ColumnCount: int
} with

    member this.RowCount = this.Offsets.Length - 1

/// Vectorised steps over dense rows of equal length. Sums run in a fixed order, so the same machine gives the same bits.
module internal Dense =
    /// y <- y + a x
    let axpy (a: float) (x: ReadOnlySpan<float>) (y: Span<float>) =
        let width = Vector<float>.Count
        let whole = x.Length - x.Length % width
        let scale = Vector<float>(a)
        let mutable i = 0

        while i < whole do
            (Vector<float>(y.Slice i) + scale * Vector<float>(x.Slice i)).CopyTo(y.Slice i)
            i <- i + width

        for i in whole .. x.Length - 1 do
            y[i] <- y[i] + a * x[i]

    let dot (x: ReadOnlySpan<float>) (y: ReadOnlySpan<float>) =
        let width = Vector<float>.Count
        let whole = x.Length - x.Length % width
        let mutable sum = Vector<float>.Zero
        let mutable i = 0

        while i < whole do
            sum <- sum + Vector<float>(x.Slice i) * Vector<float>(y.Slice i)
            i <- i + width

        let mutable total = Vector.Sum sum

        for i in whole .. x.Length - 1 do
            total <- total + x[i] * y[i]

        total

module SparseRows =
    /// Rows from pairs (column, value), each row's columns ascending and distinct.
    let ofRows (columnCount: int) (rows: struct (int * float)[][]) = {
        Offsets = rows |> Array.scan (fun offset row -> offset + row.Length) 0
        Columns = rows |> Array.collect (Array.map (fun (struct (column, _)) -> column))
        Values = rows |> Array.collect (Array.map (fun (struct (_, value)) -> value))
        ColumnCount = columnCount
    }

    /// The given rows, in the given order.
    let take (rows: int[]) (matrix: SparseRows) =
        rows
        |> Array.map (fun i ->
            Array.init (matrix.Offsets[i + 1] - matrix.Offsets[i]) (fun j ->
                let at = matrix.Offsets[i] + j
                struct (matrix.Columns[at], matrix.Values[at])))
        |> ofRows matrix.ColumnCount

    let transpose (matrix: SparseRows) =
        let offsets = Array.zeroCreate (matrix.ColumnCount + 1)

        for column in matrix.Columns do
            offsets[column + 1] <- offsets[column + 1] + 1

        for column in 0 .. matrix.ColumnCount - 1 do
            offsets[column + 1] <- offsets[column + 1] + offsets[column]

        let next = Array.copy offsets
        let columns = Array.zeroCreate matrix.Columns.Length
        let values = Array.zeroCreate matrix.Values.Length

        for row in 0 .. matrix.RowCount - 1 do
            for at in matrix.Offsets[row] .. matrix.Offsets[row + 1] - 1 do
                let column = matrix.Columns[at]
                columns[next[column]] <- row
                values[next[column]] <- matrix.Values[at]
                next[column] <- next[column] + 1

        {
            Offsets = offsets
            Columns = columns
            Values = values
            ColumnCount = matrix.RowCount
        }

    /// result <- matrix * dense, on all cores. Each row is one sum in the order of its columns, so the bits do not depend on
    /// the number of threads.
    ///   matrix : [n; d]   dense : [d; k]   result : [n; k], overwritten
    let multiplyInto (matrix: SparseRows) (k: int) (dense: float[]) (result: float[]) =
        let block = 64

        Parallel.For(
            0,
            (matrix.RowCount + block - 1) / block,
            fun number ->
                for row in number * block .. min matrix.RowCount ((number + 1) * block) - 1 do
                    Span<float>(result, row * k, k).Clear()

                    for at in matrix.Offsets[row] .. matrix.Offsets[row + 1] - 1 do
                        Dense.axpy
                            matrix.Values[at]
                            (ReadOnlySpan<float>(dense, matrix.Columns[at] * k, k))
                            (Span<float>(result, row * k, k))
        )
        |> ignore

    /// result <- matrix * vector.   matrix : [n; d]   vector : [d]   result : [n], overwritten
    let multiplyVector (matrix: SparseRows) (vector: float[]) (result: float[]) =
        for row in 0 .. matrix.RowCount - 1 do
            let mutable sum = 0.0

            for at in matrix.Offsets[row] .. matrix.Offsets[row + 1] - 1 do
                sum <- sum + matrix.Values[at] * vector[matrix.Columns[at]]

            result[row] <- sum
