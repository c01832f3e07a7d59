namespace Glem

open System

/// The standard normal distribution.
module Normal =
    let density (x: float) = exp (-x * x / 2.0) / sqrt (2.0 * Math.PI)

    // P(0 < Z < x) = density(x) (x + x^3/3 + x^5/(3*5) + …)  (Marsaglia 2004, "Evaluating the normal distribution").
    let private fromZero (x: float) =
        let rec sum i term total =
            let next = term * x * x / float (2 * i + 1)
            if total + next = total then total else sum (i + 1) next (total + next)

        density x * sum 1 x x

    // P(Z > x) for x above 3, where 1/2 less the series would lose digits: density(x) / (x + 1/(x + 2/(x + 3/(x + …))))
    // (Abramowitz & Stegun 1964, 26.2.14). From 3 on, 100 terms give every digit.
    let private tail (x: float) = density x / (Seq.foldBack (fun i rest -> x + float i / rest) [ 1..100 ] x)

    /// P(Z <= x).
    let cdf (x: float) =
        if x > 3.0 then 1.0 - tail x
        elif x < -3.0 then tail -x
        else 0.5 + fromZero x

    /// The x with P(Z <= x) = probability, for a probability strictly between 0 and 1.
    /// Raises ArgumentException for any other.
    let quantile (probability: float) = Bisection.quantile cdf probability
