namespace Glem

/// How the gold and the pseudo term are summed up.
type Reduction =
    /// The mean over each group (official code, there per batch; here over the whole step).
    | GroupMeans
    /// The sum over each group (the paper's equations 5 and 6).
    | Sums

/// GLEM's two objectives as one loss to minimise (Zhao et al. 2023, section 4):
///   O(q) = alpha * pseudo + (1 - alpha) * gold   in the E-step,   O(p) with beta in the M-step,
/// where both terms are cross-entropies of the student against its targets.
module Objective =
    /// A weight for each target, so that the loss is the sum over targets of weight * cross-entropy : [m].
    /// Weights belong to the step's whole node set. Hence batch sums add up to the loss however the targets are
    /// batched (a batch of b, times m / b, is an unbiased estimate), and a batch without gold or without pseudo
    /// labels makes no jump. The official code takes means within each batch and drops 1 - alpha where one group
    /// is absent; this departs from it on purpose. An absent group contributes 0.
    /// Raises GlemException where no target has weight: mix 0 without gold, mix 1 without pseudo labels.
    let nodeWeights (reduction: Reduction) (mix: Mix) (targets: Targets<'t>) : float32[] =
        let isGold = targets.IsGold
        let gold = isGold |> Array.filter id |> Array.length
        let pseudo = isGold.Length - gold

        if (gold = 0 || mix.Value = 1.0) && (pseudo = 0 || mix.Value = 0.0) then
            let found = $"%g{mix.Value} with %d{gold} gold and %d{pseudo} pseudo labels"
            raise (GlemException(InValue("weight of pseudo labels", found, "a weight that leaves something to learn")))

        let share weight count =
            match reduction with
            | GroupMeans -> weight / float count
            | Sums -> weight

        isGold
        |> Array.map (fun isGold -> float32 (if isGold then share (1.0 - mix.Value) gold else share mix.Value pseudo))

    /// The loss of the targets at the given positions, sum of weight * CE(target, student). Slow and clear: the
    /// oracle for tensor code.
    ///   weights : [m]   student : [n; c]
    let batchLoss (weights: float32[]) (targets: Targets<'t>) (student: Posterior<'s>) (positions: seq<int>) =
        let nodes = targets.Nodes
        let c = targets.ClassCount

        let crossEntropy position =
            let target = targets.Rows.Slice(position * c, c).ToArray()

            Seq.init c (fun k ->
                if target[k] = 0f then
                    0.0
                else
                    -(float target[k]) * Posterior.logProbability nodes[position] (k * 1<cls>) student)
            |> Seq.sum

        // A weight of 0 must not turn an infinite cross-entropy into NaN.
        positions
        |> Seq.sumBy (fun position ->
            if weights[position] = 0f then
                0.0
            else
                float weights[position] * crossEntropy position)

    /// The whole step's loss.
    let loss (reduction: Reduction) (mix: Mix) (targets: Targets<'t>) (student: Posterior<'s>) =
        batchLoss (nodeWeights reduction mix targets) targets student (Seq.init targets.Count id)
