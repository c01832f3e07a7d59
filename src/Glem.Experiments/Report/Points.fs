namespace Glem

/// Differences of fractions as people read them: in percentage points, with their sign.
module internal Points =
    /// "+1.2"
    let ofFraction (x: float) = Spread.points { Mean = x; Deviation = None }

    /// "+1.2 [+0.4, +2.0]": the mean and its 95 % interval by Student's t.
    let ofDifference (difference: PairedDifference) =
        let interval = difference.TInterval 0.95
        $"%s{ofFraction difference.Mean} [%s{ofFraction interval.Low}, %s{ofFraction interval.High}]"
