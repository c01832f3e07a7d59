namespace Glem

/// Solving for the argument of an increasing function.
module internal Bisection =
    /// Where `isBelow` turns from true to false between `low` and `high`: halves until no float lies between them.
    let rec between (isBelow: float -> bool) low high =
        let middle = (low + high) / 2.0

        if middle = low || middle = high then middle
        elif isBelow middle then between isBelow middle high
        else between isBelow low middle

    /// The x with cdf x = probability, for a probability strictly between 0 and 1.
    /// Raises ArgumentException for any other.
    let quantile (cdf: float -> float) (probability: float) =
        // Said so that NaN is refused too.
        if not (probability > 0.0 && probability < 1.0) then
            invalidArg (nameof probability) $"%g{probability}"

        let rec bracket bound =
            if cdf bound >= probability && cdf -bound <= probability then
                bound
            else
                bracket (2.0 * bound)

        let bound = bracket 1.0
        between (fun x -> cdf x < probability) -bound bound
