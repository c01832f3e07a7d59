namespace Glem

/// Ranks of true answers among false ones, and what is said of many of them: the measures of link prediction and retrieval.
module Ranking =
    /// The place of a positive among its negatives by falling score, 1 the best. Ties share the average of their places, so
    /// that a score which tells nothing apart earns what guessing would: with all m negatives tied, 1 + m / 2. It is the
    /// mean of the optimistic and the pessimistic rank (Open Graph Benchmark's evaluators do the same).
    ///   negatives : [m]
    /// Raises ArgumentException for NaN, which has no place.
    let rank (positive: float) (negatives: float[]) : float =
        let mutable above = 0
        let mutable beside = 0
        let mutable unordered = System.Double.IsNaN positive

        for negative in negatives do
            if negative > positive then
                above <- above + 1
            elif negative = positive then
                beside <- beside + 1
            elif not (negative < positive) then
                unordered <- true

        if unordered then
            invalidArg (nameof negatives) "a score is NaN"

        1.0 + float above + float beside / 2.0

    /// The share of ranks that are k or better. Nothing without ranks.   ranks : [m]
    let hitsAt (k: int) (ranks: float[]) : float voption =
        if ranks.Length = 0 then
            ValueNone
        else
            let hits = ranks |> Array.filter (fun rank -> rank <= float k)
            ValueSome(float hits.Length / float ranks.Length)

    /// MRR, the mean of 1 / rank. Nothing without ranks.   ranks : [m]
    let meanReciprocal (ranks: float[]) : float voption =
        if ranks.Length = 0 then
            ValueNone
        else
            ValueSome(ranks |> Array.averageBy (fun rank -> 1.0 / rank))
