namespace Glem

open System
open System.Numerics

/// Nodes as vectors of equal width : [n; d], and the scores of pairs that need no training.
module LinkVectors =
    /// The products of two vectors' components, summed in a fixed order.
    let dot (x: ReadOnlySpan<float32>) (y: ReadOnlySpan<float32>) : float =
        let width = Vector<float32>.Count
        let whole = x.Length - x.Length % width
        let mutable sum = Vector<float32>.Zero
        let mutable i = 0

        while i < whole do
            sum <- sum + Vector<float32>(x.Slice i) * Vector<float32>(y.Slice i)
            i <- i + width

        let mutable total = float (Vector.Sum sum)

        for i in whole .. x.Length - 1 do
            total <- total + float x[i] * float y[i]

        total

    let private scorer key name (rows: Vectors) : LinkScorer = {
        Key = key
        Name = name
        Score = fun source targets -> targets |> Array.map (fun target -> dot (rows.Row source) (rows.Row target))
    }

    let private mapRows (change: float32[] -> float32[]) (rows: Vectors) =
        Array.init rows.Count (fun i -> rows.Row(i).ToArray() |> change)
        |> Array.concat
        |> Vectors.ofArray rows.Width

    /// Rows of length 1; a row of zeros stays one.
    let private normalised rows =
        rows
        |> mapRows (fun row ->
            let length = sqrt (dot (ReadOnlySpan row) (ReadOnlySpan row))

            if length = 0.0 then
                row
            else
                row |> Array.map (fun x -> float32 (float x / length)))

    /// Columns of mean 0 and standard deviation 1; a column that does not vary becomes zeros.
    let standardised (rows: Vectors) : Vectors =
        let n, d = float rows.Count, rows.Width
        let sums, squares = Array.zeroCreate<float> d, Array.zeroCreate<float> d

        for i in 0 .. rows.Count - 1 do
            let row = rows.Row i

            for k in 0 .. d - 1 do
                sums[k] <- sums[k] + float row[k]

        let means = sums |> Array.map (fun sum -> sum / n)

        for i in 0 .. rows.Count - 1 do
            let row = rows.Row i

            for k in 0 .. d - 1 do
                squares[k] <- squares[k] + pown (float row[k] - means[k]) 2

        // Rounding leaves a column of equal numbers with a spread of its last digits.
        let scales =
            Array.map2
                (fun square mean ->
                    let deviation = sqrt (square / n)
                    if deviation <= 1e-6 * abs mean then 0.0 else 1.0 / deviation)
                squares
                means

        rows |> mapRows (Array.mapi (fun k x -> float32 ((float x - means[k]) * scales[k])))

    /// The angle between two nodes' vectors, and their product.   owner : "lm", for files   name : "LM", for people
    let scorers owner name (rows: Vectors) = [
        scorer $"%s{owner}.cosine" $"%s{name}, cosine" (normalised rows)
        scorer $"%s{owner}.dot" $"%s{name}, dot product" rows
    ]
