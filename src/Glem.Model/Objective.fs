namespace Glem

/// How the gold and the pseudo term are summed up.
type Reduction =
    /// The mean over each group (official code, there per batch; here over the whole step).
    | GroupMeans
    /// The sum over each group (the paper's equations 5 and 6).
    | Sums
    /// The mean over each group, in which a pseudo label weighs as much as its distribution is sure, 1 - H / ln c.
    | CertaintyMeans

/// How far a student is from a pseudo label. From gold it is always -ln q(gold), on which all three agree up to their
/// direction.
type Divergence =
    /// KL(teacher || student), as cross-entropy: GLEM's choice in both steps.
    | TeacherToStudent
    /// KL(student || teacher), the direction of the ELBO's own E-step. For soft pseudo labels.
    | StudentToTeacher
    /// The Jensen-Shannon divergence: symmetric, and finite for one-hot labels too.
    | JensenShannon

/// Share of a target's mass that is spread evenly over the classes, for each kind of target.
type Smoothing = { Gold: float; Pseudo: float }

module Smoothing =
    let none = { Gold = 0.0; Pseudo = 0.0 }

/// What a step minimises.
type Objective = {
    /// alpha in the E-step, beta in the M-step.
    Mix: PerRound<Mix>
    Reduction: Reduction
    Divergence: Divergence
    Smoothing: Smoothing
}

/// GLEM's two objectives as one loss to minimise (Zhao et al. 2023, section 4):
///   O(q) = alpha * pseudo + (1 - alpha) * gold   in the E-step,   O(p) with beta in the M-step.
module Objective =
    /// Gold labels alone: pre-training.
    let goldOnly (smoothing: float) = {
        Mix = [ Mix.goldOnly ]
        Reduction = GroupMeans
        Divergence = TeacherToStudent
        Smoothing = { Gold = smoothing; Pseudo = 0.0 }
    }

    /// Least teacher's probability that StudentToTeacher reads: a teacher's rounded-off 0 must not cost infinitely much.
    let floor = 1e-7

    /// 1 - H / ln c of each row, from float32 probabilities : [m].
    let private certainty (targets: Targets<'t>) =
        let c = targets.ClassCount

        targets.Rows.ToArray()
        |> Array.chunkBySize c
        |> Array.map (fun row ->
            if c = 1 then
                1.0
            else
                max 0.0 (1.0 + (row |> Array.map float |> Sureness.negativeEntropy) / log (float c)))

    /// A weight for each target, so that the loss is the sum over an epoch's targets of weight * divergence : [m].
    /// Weights belong to the step's whole node set. Hence batch sums add up to the loss however the targets are
    /// batched (a batch of b, times m / b, is an unbiased estimate), and a batch without gold or without pseudo
    /// labels makes no jump. The official code takes means within each batch and drops 1 - alpha where one group
    /// is absent; this departs from it on purpose. An absent group contributes 0.
    /// Raises GlemException where no target has weight: mix 0 without gold, mix 1 without pseudo labels.
    let nodeWeights (reduction: Reduction) (mix: Mix) (targets: Targets<'t>) : float32[] =
        let isGold = targets.IsGold
        let gold = isGold |> Array.filter id |> Array.length
        let all, pseudo = isGold.Length - gold, targets.PseudoPerEpoch

        if (gold = 0 || mix.Value = 1.0) && (pseudo = 0 || mix.Value = 0.0) then
            let found = $"%g{mix.Value} with %d{gold} gold and %d{pseudo} pseudo labels"
            raise (GlemException(InValue("weight of pseudo labels", found, "a weight that leaves something to learn")))

        let goldWeight, pseudoWeight =
            match reduction with
            | Sums -> 1.0 - mix.Value, fun _ -> mix.Value
            | GroupMeans -> (1.0 - mix.Value) / float gold, fun _ -> mix.Value / float pseudo
            | CertaintyMeans ->
                let certainty = certainty targets
                let total = Array.zip certainty isGold |> Array.sumBy (fun (x, isGold) -> if isGold then 0.0 else x)
                // Of `all` pseudo labels, `pseudo` are drawn in an epoch: each stands for all / pseudo.
                let drawn = float all / float pseudo

                // A teacher that knows nothing of any node weighs them equally, as in GroupMeans.
                (1.0 - mix.Value) / float gold,
                fun at ->
                    if total = 0.0 then
                        mix.Value / float pseudo
                    else
                        mix.Value * drawn * certainty[at] / total

        isGold |> Array.mapi (fun at isGold -> float32 (if isGold then goldWeight else pseudoWeight at))

    /// The targets as they are trained on, smoothed : [m; c] row-major.
    let trainingRows (smoothing: Smoothing) (targets: Targets<'t>) : float32[] =
        let c = targets.ClassCount
        let rows = targets.Rows.ToArray()

        targets.IsGold
        |> Array.iteri (fun at isGold ->
            let share = if isGold then smoothing.Gold else smoothing.Pseudo

            if share > 0.0 then
                for k in at * c .. at * c + c - 1 do
                    rows[k] <- rows[k] * float32 (1.0 - share) + float32 (share / float c))

        rows

    // x ln(x / y), where x = 0 counts 0.
    let private relative (x: float) (lnX: float) (lnY: float) = if x = 0.0 then 0.0 else x * (lnX - lnY)

    /// Distance of one student row from one target row, both [c]; the student's given by its log-probabilities.
    let private distance divergence (target: float[]) (logStudent: float[]) =
        let pairs = Array.zip target logStudent

        match divergence with
        | TeacherToStudent -> pairs |> Array.sumBy (fun (t, lnS) -> if t = 0.0 then 0.0 else -t * lnS)
        | StudentToTeacher -> pairs |> Array.sumBy (fun (t, lnS) -> relative (exp lnS) lnS (log (max t floor)))
        | JensenShannon ->
            pairs
            |> Array.sumBy (fun (t, lnS) ->
                let lnMiddle = log ((t + exp lnS) / 2.0)
                (relative t (log t) lnMiddle + relative (exp lnS) lnS lnMiddle) / 2.0)

    /// The loss of the targets at the given positions, sum of weight * divergence. Slow and clear: the oracle for
    /// tensor code.
    ///   weights : [m]   rows : [m; c], the training rows   student : [n; c]
    let batchLoss divergence (weights: float32[]) (rows: float32[]) targets (student: Posterior<'s>) positions =
        let nodes = (targets: Targets<'t>).Nodes
        let isGold = targets.IsGold
        let c = targets.ClassCount

        let loss position =
            let target = Array.sub rows (position * c) c |> Array.map float
            let logStudent = Array.init c (fun k -> Posterior.logProbability nodes[position] (k * 1<cls>) student)
            distance (if isGold[position] then TeacherToStudent else divergence) target logStudent

        // A weight of 0 must not turn an infinite distance into NaN.
        positions
        |> Seq.sumBy (fun position -> if weights[position] = 0f then 0.0 else float weights[position] * loss position)

    /// The whole step's loss in a round, over its first epoch.
    let loss (objective: Objective) (round: int) (targets: Targets<'t>) (student: Posterior<'s>) =
        let weights = nodeWeights objective.Reduction (PerRound.at round objective.Mix) targets
        let rows = trainingRows objective.Smoothing targets
        batchLoss objective.Divergence weights rows targets student (Targets.epoch 0 targets)
