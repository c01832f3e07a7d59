namespace Glem

/// Area under the receiver operating characteristic: how well a score tells two kinds apart.
module Auroc =
    /// The chance that a random positive scores above a random negative, ties counting half (the Mann-Whitney U
    /// statistic over the number of pairs). Exact: the pairs are counted in whole halves. Nothing where either kind
    /// is absent.   isPositive, scores : [m]
    /// Raises ArgumentException where the lengths differ or a score is NaN.
    let ofScores (isPositive: bool[]) (scores: float[]) : float voption =
        if isPositive.Length <> scores.Length then
            invalidArg (nameof scores) $"%d{scores.Length} scores for %d{isPositive.Length} marks"

        if Array.exists System.Double.IsNaN scores then
            invalidArg (nameof scores) "a score is NaN"

        let positives = isPositive |> Array.filter id |> Array.length |> int64
        let negatives = int64 isPositive.Length - positives

        if positives = 0L || negatives = 0L then
            ValueNone
        else
            // By rising score: a positive beats each negative below its group of ties and draws with those inside.
            let halves, _ =
                Array.zip scores isPositive
                |> Array.groupBy fst
                |> Array.sortBy fst
                |> Array.fold
                    (fun (halves, negativesBelow) (_, ties) ->
                        let above = ties |> Array.filter snd |> Array.length |> int64
                        let beside = int64 ties.Length - above
                        halves + above * (2L * negativesBelow + beside), negativesBelow + beside)
                    (0L, 0L)

            ValueSome(float halves / float (2L * positives * negatives))
