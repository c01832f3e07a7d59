namespace Glem

open System

/// What Wilcoxon's signed rank test found.
type Wilcoxon = {
    /// The smaller of the two sums of ranks.
    Statistic: float
    /// Two-sided.
    PValue: float
    /// Whether p is exact, or from the normal approximation.
    Exact: bool
}

/// Wilcoxon's signed rank test of paired differences (Wilcoxon 1945): whether they are symmetric around 0.
/// Conventions are SciPy's: differences of 0 are left out, ties share the mean of their ranks.
module Wilcoxon =
    /// Pairs up to which p is exact, where no differences tie or are 0.
    let private exactUpTo = 50

    // Differences of the same accuracies differ in their last bits: to 12 digits after the point they are ties again.
    let private rounded (differences: float list) =
        differences |> List.map (fun d -> Math.Round(d, 12)) |> List.filter (fun d -> d <> 0.0)

    /// (ties, mean rank, ties that are above 0) of each group of equal magnitudes, by rising magnitude.
    let private groups (differences: float list) =
        differences
        |> List.groupBy abs
        |> List.sortBy fst
        |> List.mapFold
            (fun below (_, ties) ->
                let above = ties |> List.filter (fun d -> d > 0.0) |> List.length
                let rank = float below + float (ties.Length + 1) / 2.0
                (ties.Length, rank, above), below + ties.Length)
            0
        |> fst

    /// Of the 2^n ways to sign the ranks 1 to n, how many give each sum of positive ranks.
    ///   result : [n (n + 1) / 2 + 1]; whole numbers, exact in a float up to 50 ranks
    let private ways (n: int) =
        let sums = Array.zeroCreate (n * (n + 1) / 2 + 1)
        sums[0] <- 1.0

        for rank in 1..n do
            for sum in sums.Length - 1 .. -1 .. rank do
                sums[sum] <- sums[sum] + sums[sum - rank]

        sums

    /// min(1, 2 P[R <= statistic]) for the sum R of positive ranks under random signs.
    let private exact (n: int) (statistic: float) =
        let below = ways n |> Array.take (int statistic + 1) |> Array.sum
        min 1.0 (2.0 * below / 2.0 ** float n)

    /// R's normal approximation, its variance less for ties, without continuity correction.
    let private approximate (n: int) (ties: int list) (statistic: float) =
        let n = float n
        let tied = ties |> List.sumBy (fun t -> float t ** 3.0 - float t)
        let variance = (n * (n + 1.0) * (2.0 * n + 1.0) - tied / 2.0) / 24.0
        2.0 * Normal.cdf ((statistic - n * (n + 1.0) / 4.0) / sqrt variance)

    let private test (isExact: bool) (differences: float list) =
        let nonzero = rounded differences
        let groups = groups nonzero
        let n = nonzero.Length
        let positive = groups |> List.sumBy (fun (_, rank, above) -> float above * rank)
        let statistic = min positive (float (n * (n + 1)) / 2.0 - positive)

        {
            Statistic = statistic
            PValue =
                (if n = 0 then 1.0
                 elif isExact then exact n statistic
                 else approximate n (groups |> List.map (fun (ties, _, _) -> ties)) statistic)
            Exact = isExact
        }

    /// The normal approximation whatever the differences; p is 1 where all are 0.
    let ofNormal (differences: float list) : Wilcoxon = test false differences

    /// Exact for up to 50 differences without ties or zeros, else by the normal approximation.
    let ofDifferences (differences: float list) : Wilcoxon =
        let magnitudes = rounded differences |> List.map abs |> List.distinct
        test (magnitudes.Length = differences.Length && differences.Length <= exactUpTo) differences
