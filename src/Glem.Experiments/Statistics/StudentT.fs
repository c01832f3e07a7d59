namespace Glem

open System

/// Student's t distribution with a whole number of degrees of freedom.
module StudentT =
    // P(|T| <= t), by finite sums (Abramowitz & Stegun 1964, 26.7.3-4): with theta = atan(t / sqrt df), a sum of powers of
    // cos theta, each term a ratio times the last.
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

    /// The beta function B(df/2, 1/2), from B(1/2, 1/2) = pi or B(1, 1/2) = 2 by B(a + 1, 1/2) = B(a, 1/2) a / (a + 1/2).
    let internal halfBeta (df: int) =
        let first, start = if df % 2 = 1 then 0.5, Math.PI else 1.0, 2.0

        Seq.init ((df - 1) / 2) (fun i -> first + float i)
        |> Seq.fold (fun beta a -> beta * a / (a + 0.5)) start

    // P(|T| >= t) for t^2 > df, where 1 - central would lose digits: the incomplete beta I_x(df/2, 1/2) at
    // x = df / (df + t^2) < 1/2 by its power series (Abramowitz & Stegun 1964, 26.5.4 and 15.1.1).
    let private tail (df: int) (t: float) =
        let a = float df / 2.0
        let x = float df / (float df + t * t)

        // The sum over k of (1/2)_k / k! x^k / (a + k); `power` is (1/2)_k / k! x^k.
        let rec sum k power total =
            let next = total + power / (a + float k)

            if next = total then
                total
            else
                sum (k + 1) (power * (float k + 0.5) / (float k + 1.0) * x) next

        x ** a / halfBeta df * sum 0 1.0 0.0

    /// P(|T| >= |t|), the two-sided p of a t statistic; 0 for an infinite one.
    /// Raises ArgumentException for less than one degree of freedom.
    let twoSided (df: int) (t: float) =
        if df < 1 then
            invalidArg (nameof df) $"%d{df} degrees of freedom"

        let t = abs t
        if t * t <= float df then 1.0 - central df t else tail df t

    /// P(T <= t). Raises ArgumentException for less than one degree of freedom.
    let cdf (df: int) (t: float) =
        let outside = twoSided df t / 2.0
        if t < 0.0 then outside else 1.0 - outside

    /// The t with P(T <= t) = probability, for a probability strictly between 0 and 1.
    /// Raises ArgumentException for any other, and for less than one degree of freedom.
    let quantile (df: int) (probability: float) = Bisection.quantile (cdf df) probability
