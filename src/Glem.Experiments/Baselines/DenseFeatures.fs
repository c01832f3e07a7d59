namespace Glem

open System
open System.Threading.Tasks

/// Few dense features instead of many sparse ones, for students that want a matrix.
module DenseFeatures =
    let private powerIterations = 4

    /// Modified Gram-Schmidt, twice for accuracy; columns become orthonormal in place.
    let private orthonormalise (columns: float[][]) =
        for j in 0 .. columns.Length - 1 do
            let column = columns[j]

            for _ in 1..2 do
                for i in 0 .. j - 1 do
                    let overlap = Dense.dot (ReadOnlySpan columns[i]) (ReadOnlySpan column)
                    Dense.axpy -overlap (ReadOnlySpan columns[i]) (Span column)

            let length = sqrt (Dense.dot (ReadOnlySpan column) (ReadOnlySpan column))

            // A matrix of rank below k has no further direction to give: a column of zeros adds nothing.
            for i in 0 .. column.Length - 1 do
                column[i] <- if length > 1e-10 then column[i] / length else 0.0

    let private times (matrix: SparseRows) (columns: float[][]) =
        let products = Array.init columns.Length (fun _ -> Array.zeroCreate matrix.RowCount)

        Parallel.For(0, columns.Length, fun j -> SparseRows.multiplyVector matrix columns[j] products[j])
        |> ignore

        products

    /// The rows projected on the k strongest right singular directions (latent semantic analysis; randomised subspace iteration,
    /// Halko, Martinsson & Tropp 2011), scaled to a mean square of 1 a feature. The directions are a basis of that space, not the singular
    /// vectors themselves: the first thing a student does to its input is a linear map.
    ///   features : [n; d]   result : [n; k] row-major, k at most min(n, d)
    let project (k: int) (seed: int) (features: SparseRows) : float32[] =
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

        let scale = sqrt (float (features.RowCount * k) / square)
        Array.init (features.RowCount * k) (fun at -> float32 (scale * projected[at % k][at / k]))
