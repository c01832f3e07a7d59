namespace Glem

/// The bootstrap of a mean, with its percentile interval (Efron & Tibshirani 1993, chapter 13).
module Bootstrap =
    /// Where a share q of sorted numbers lies below, linear between order statistics (numpy's default).
    ///   q : 0 to 1   sorted : [m], at least one, rising
    let quantile (q: float) (sorted: float[]) =
        let at = q * float (sorted.Length - 1)
        let low = int at
        let high = min (low + 1) (sorted.Length - 1)
        sorted[low] + (at - float low) * (sorted[high] - sorted[low])

    /// The middle share of the replicates' means, `level` of them: 0.95 leaves 2.5% out at either end.
    ///   means : one of each resample, at least one
    let interval (level: float) (means: float[]) : struct (float * float) =
        let sorted = Array.sort means
        let out = (1.0 - level) / 2.0
        struct (quantile out sorted, quantile (1.0 - out) sorted)

    /// The mean of one resample.   picks : [m], indices into the values
    let meanOf (values: float[]) (picks: int[]) = picks |> Array.averageBy (fun i -> values[i])

    /// Indices of one resample of m values, drawn with replacement.
    let resample (key: Key) (m: int) = Array.init m (fun i -> int (Key.seed (Key.at i key) % uint64 m))

    /// The means of `count` resamples.   values : [m], at least one, independent of each other   result : [count]
    let means (key: Key) (count: int) (values: float[]) =
        Array.init count (fun draw -> resample (Key.at draw key) values.Length |> meanOf values)

    /// The interval of the values' mean, from `count` resamples. Nothing without values.
    ///   values : [m], independent of each other
    let ofMean (key: Key) (count: int) (level: float) (values: float[]) : struct (float * float) voption =
        if values.Length = 0 then
            ValueNone
        else
            means key count values |> interval level |> ValueSome
