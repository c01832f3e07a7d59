namespace Glem

/// The plane through a cloud of points that keeps most of its variance: the first two principal components (Pearson 1901).
module PrincipalPlane =
    let private iterations = 500
    let private start = Key.ofSeed 0 |> Key.named "principal plane"

    let private dot (a: float[]) (b: float[]) =
        let mutable sum = 0.0

        for i in 0 .. a.Length - 1 do
            sum <- sum + a[i] * b[i]

        sum

    /// Of length 1; nothing is made of nothing.
    let private unit (v: float[]) =
        match sqrt (dot v v) with
        | 0.0 -> v
        | length -> v |> Array.map (fun x -> x / length)

    /// What is left of v across these directions.
    let private across (directions: float[] list) (v: float[]) =
        (v, directions)
        ||> List.fold (fun v direction ->
            let along = dot v direction
            Array.map2 (fun x d -> x - along * d) v direction)

    let private centred (rows: float[][]) =
        let mean = Array.init rows[0].Length (fun j -> rows |> Array.averageBy (fun row -> row[j]))
        rows |> Array.map (fun row -> Array.map2 (-) row mean)

    /// X' X / n : [d; d].   rows : [n; d], their mean 0
    let private covariance (rows: float[][]) =
        let d = rows[0].Length
        let sums = Array.init d (fun j -> Array.zeroCreate<float>(j + 1))

        for row in rows do
            for j in 0 .. d - 1 do
                let x, into = row[j], sums[j]

                for k in 0..j do
                    into[k] <- into[k] + x * row[k]

        Array.init d (fun j -> Array.init d (fun k -> sums[max j k][min j k] / float rows.Length))

    // Power iteration. Its start is drawn at random, so that no cloud's own symmetry makes it blind to the component.
    let private principal (covariance: float[][]) before =
        let d = covariance.Length
        let turn v = covariance |> Array.map (fun row -> dot row v) |> across before |> unit

        let drawn =
            Array.init d (fun j -> float (Key.seed (Key.at (before.Length * d + j) start)) / 2.0 ** 63.0 - 1.0)

        let rec iterate left v =
            let next = turn v
            if left = 0 || dot next v > 1.0 - 1e-12 then next else iterate (left - 1) next

        let found = iterate iterations (drawn |> across before |> unit)
        // A component's sign means nothing; this one is the same every time.
        if Array.maxBy abs found < 0.0 then Array.map (~-) found else found

    /// Each row's place on the plane, in units of the whole cloud's standard deviation (the root of its total variance): the
    /// mean of x² is the share of the variance that lies along the first component. Same rows, same bits.
    ///   rows : [n; d], n at least 1
    let places (rows: float[][]) : struct (float * float)[] =
        let rows = centred rows
        let covariance = covariance rows
        let first = principal covariance []
        let second = principal covariance [ first ]
        let total = Seq.sum (seq { for j in 0 .. covariance.Length - 1 -> covariance[j][j] })
        let scale = if total > 0.0 then 1.0 / sqrt total else 0.0
        rows |> Array.map (fun row -> struct (scale * dot row first, scale * dot row second))

    /// The shares of the variance that lie along the first and the second component. Of `places`, at least one.
    let shares (places: struct (float * float)[]) : struct (float * float) =
        struct (places |> Array.averageBy (fun struct (x, _) -> x * x),
                places |> Array.averageBy (fun struct (_, y) -> y * y))
