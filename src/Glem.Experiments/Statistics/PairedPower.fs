namespace Glem

/// How small a difference a paired t test can see, and how many seeds it takes, by the noncentral t (Cohen 1988,
/// chapter 2). Effects are Cohen's d_z: in standard deviations of the differences.
module PairedPower =
    /// The two-sided test at 5 % that is meant.
    let level = 0.05
    /// The chance to see the effect that is asked for.
    let target = 0.8
    /// Seeds beyond which `seedsNeeded` gives no number.
    let mostSeeds = 1000

    /// The chance that the test of `pairs` pairs finds a true effect.
    /// Raises ArgumentException for fewer than two pairs.
    let power (pairs: int) (dz: float) : float =
        let df = pairs - 1
        let critical = StudentT.quantile df (1.0 - level / 2.0)
        let shift = sqrt (float pairs) * dz
        1.0 - NoncentralT.cdf df shift critical + NoncentralT.cdf df shift -critical

    /// The smallest effect that the test of `pairs` pairs finds with the target's power.
    /// Raises ArgumentException for fewer than two pairs.
    let detectable (pairs: int) : float =
        let isBelow dz = power pairs dz < target
        let above = Seq.initInfinite (fun i -> 2.0 ** float i) |> Seq.find (isBelow >> not)
        Bisection.between isBelow 0.0 above

    /// The fewest seeds, two or more, whose test finds the effect with the target's power. None beyond `mostSeeds`, and
    /// for no effect at all.
    let seedsNeeded (dz: float) : int option =
        // What the test would need if it knew the deviation; estimating it takes a few more.
        let known = ((Normal.quantile (1.0 - level / 2.0) + Normal.quantile target) / dz) ** 2.0

        if known > float mostSeeds then
            None
        else
            seq { max 2 (int known) .. mostSeeds } |> Seq.tryFind (fun pairs -> power pairs dz >= target)
