namespace Glem

open System

/// Student's t distribution with a whole number of degrees of freedom, by finite sums (Abramowitz & Stegun 1964, 26.7.3-4).
module StudentT =
    // P(|T| <= t) for t >= 0: with theta = atan(t / sqrt df), a sum of powers of cos theta, each term a ratio times the last.
    let private central (df: int) (t: float) =
        let theta = atan (t / sqrt (float df))
        let cos2 = cos theta ** 2.0

        // 1 + first/(first+1) cos2 + first (first+2) / ((first+1)(first+3)) cos2^2 + …, `count` terms.
        let series first count =
            Seq.init (max 0 (count - 1)) (fun i -> float (first + 2 * i) / float (first + 2 * i + 1) * cos2)
            |> Seq.scan (*) 1.0
            |> Seq.sum

        if df = 1 then 2.0 * theta / Math.PI
        elif df % 2 = 0 then sin theta * series 1 (df / 2)
        else 2.0 / Math.PI * (theta + sin theta * cos theta * series 2 ((df - 1) / 2))

    /// P(T <= t). Raises ArgumentException for less than one degree of freedom.
    let cdf (df: int) (t: float) =
        if df < 1 then
            invalidArg (nameof df) $"%d{df} degrees of freedom"

        0.5 + 0.5 * float (sign t) * central df (abs t)

    /// The t with P(T <= t) = probability, for a probability strictly between 0 and 1.
    let quantile (df: int) (probability: float) =
        if probability <= 0.0 || probability >= 1.0 then
            invalidArg (nameof probability) $"%g{probability}"

        let rec bisect low high =
            let middle = (low + high) / 2.0

            if middle = low || middle = high then middle
            elif cdf df middle < probability then bisect middle high
            else bisect low middle

        let rec bracket bound =
            if cdf df bound >= probability && cdf df -bound <= probability then
                bound
            else
                bracket (2.0 * bound)

        let bound = bracket 1.0
        bisect -bound bound
