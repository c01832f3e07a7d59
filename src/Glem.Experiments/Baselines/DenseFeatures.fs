namespace Glem

open System
open System.Threading.Tasks

/// Directions in the space of sparse features, and the scale of what is projected on them.
type Projection = {
    /// Orthonormal : k columns of [d].
    Basis: float[][]
    Scale: float
} with

    /// k.
    member this.Width = this.Basis.Length

/// Few dense features instead of many sparse ones, for students that want a matrix.
module DenseFeatures =
    let private powerIterations = 2

    /// Modified Gram-Schmidt; columns become orthonormal in place.
    let private orthonormalise (columns: float[][]) =
        let length (column: float[]) = sqrt (Dense.dot (ReadOnlySpan column) (ReadOnlySpan column))

        for j in 0 .. columns.Length - 1 do
            let column = columns[j]
            let before = length column

            for i in 0 .. j - 1 do
                let overlap = Dense.dot (ReadOnlySpan columns[i]) (ReadOnlySpan column)
                Dense.axpy -overlap (ReadOnlySpan columns[i]) (Span column)

            let after = length column

            // A matrix of rank below k has no further direction to give, only rounding: a column of zeros adds nothing.
            for i in 0 .. column.Length - 1 do
                column[i] <- if after > 1e-10 * before then column[i] / after else 0.0

    let private times (matrix: SparseRows) (columns: float[][]) =
        let products = Array.init columns.Length (fun _ -> Array.zeroCreate matrix.RowCount)

        Parallel.For(0, columns.Length, fun j -> SparseRows.multiplyVector matrix columns[j] products[j])
        |> ignore

        products

    /// The k strongest right singular directions (latent semantic analysis; randomised subspace iteration, Halko, Martinsson
    /// & Tropp 2011), with the scale that gives these rows a mean square of 1 a feature. The directions are a basis of that
    /// space, not the singular vectors themselves: the first thing a student does to its input is a linear map.
    ///   features : [n; d]   k : at most min(n, d) are found
    let fit (k: int) (seed: int) (features: SparseRows) : Projection =
        let k = min k (min features.RowCount features.ColumnCount)
        let random = Random(seed)
        let transposed = SparseRows.transpose features

        let start =
            Array.init k (fun _ -> Array.init features.ColumnCount (fun _ -> 2.0 * random.NextDouble() - 1.0))

        orthonormalise start

        let basis =
            (start, seq { 1..powerIterations })
            ||> Seq.fold (fun basis _ ->
                let next = times transposed (times features basis)
                orthonormalise next
                next)

        let projected = times features basis

        let square =
            projected |> Array.sumBy (fun column -> Dense.dot (ReadOnlySpan column) (ReadOnlySpan column))

        {
            Basis = basis
            Scale = sqrt (float (features.RowCount * k) / square)
        }

    /// The rows in few dense features.   features : [n; d]   result : [n; k] row-major
    let apply (projection: Projection) (features: SparseRows) : float32[] =
        let projected = times features projection.Basis
        let k = projection.Width
        Array.init (features.RowCount * k) (fun at -> float32 (projection.Scale * projected[at % k][at / k]))
