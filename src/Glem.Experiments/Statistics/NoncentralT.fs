namespace Glem

open System

/// The noncentral t distribution, of (Z + shift) / S: what a t statistic follows where the true mean is not 0.
module NoncentralT =
    // P(T <= t) for t >= 0 is P(Z <= -shift) and half a sum over j of weights p_j and q_j times incomplete betas
    // I_x(j + 1/2, b) and I_x(j + 1, b), where b = df/2 and x = t^2 / (df + t^2)  (Lenth 1989, AS 243). Each incomplete
    // beta is the one before it less a term: I_x(a + 1, b) = I_x(a, b) - x^a (1 - x)^b / (a B(a, b)).
    let private series (df: int) (shift: float) (t: float) =
        let b = float df / 2.0
        let x = t * t / (float df + t * t)
        let halfSquare = shift * shift / 2.0
        let beyond = (1.0 - x) ** b

        let rec sum j p odd oddTerm q even evenTerm total =
            let next = total + p * odd + q * even
            let k = float j

            // Past their mode the weights only fall.
            if k > halfSquare && next = total then
                total
            else
                sum
                    (j + 1)
                    (p * halfSquare / (k + 1.0))
                    (odd - oddTerm)
                    (oddTerm * x * (k + 0.5 + b) / (k + 1.5))
                    (q * halfSquare / (k + 1.5))
                    (even - evenTerm)
                    (evenTerm * x * (k + 1.0 + b) / (k + 2.0))
                    next

        let p = exp -halfSquare
        let q = p * shift * sqrt (2.0 / Math.PI)
        let odd, oddTerm = 1.0 - StudentT.twoSided df t, 2.0 * sqrt x * beyond / StudentT.halfBeta df
        let even, evenTerm = 1.0 - beyond, x * beyond * b
        Normal.cdf -shift + 0.5 * sum 0 p odd oddTerm q even evenTerm 0.0

    // Abramowitz & Stegun 1964, 26.7.10: for shifts at which exp(-shift^2 / 2) is no float any more.
    let private approximation (df: int) (shift: float) (t: float) =
        let df = float df
        Normal.cdf ((t * (1.0 - 1.0 / (4.0 * df)) - shift) / sqrt (1.0 + t * t / (2.0 * df)))

    /// P(T <= t). Exact to about 1e-10 for shifts of up to 37, approximate beyond.
    /// Raises ArgumentException for less than one degree of freedom.
    let rec cdf (df: int) (shift: float) (t: float) : float =
        if abs shift > 37.0 then approximation df shift t
        elif t < 0.0 then 1.0 - cdf df -shift -t
        else min 1.0 (series df shift t)
