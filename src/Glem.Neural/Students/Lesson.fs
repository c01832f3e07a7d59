namespace Glem

open TorchSharp

/// A stage's data set as arrays: each node's target distribution and its weight in the loss.
///   Nodes, IsGold, Weights : [m]   Targets : [m; c] row-major
type Lesson = {
    Nodes: int<node>[]
    IsGold: bool[]
    Targets: float32[]
    Weights: float32[]
    Classes: int
    Divergence: Divergence
    /// Positions that teach in an epoch, counted from 0; equally many in each.
    Epoch: int -> int[]
    /// How many that is.
    PerEpoch: int
} with

    /// m.
    member this.Count = this.Nodes.Length

module Lesson =
    /// Targets with their weights in a round, smoothed as the objective says. Targets without weight are left out.
    /// Raises GlemException where none is left.
    let ofTargets (objective: Objective) (round: int) (targets: Targets<'teacher>) =
        let mix = PerRound.at round objective.Mix
        let targets = Targets.weighing mix targets

        {
            Nodes = targets.Nodes
            IsGold = targets.IsGold
            Targets = Objective.trainingRows objective.Smoothing targets
            Weights = Objective.nodeWeights objective.Reduction mix targets
            Classes = targets.ClassCount
            Divergence = objective.Divergence
            Epoch = fun epoch -> Targets.epoch epoch targets
            PerEpoch = (Targets.epoch 0 targets).Length
        }

    // x ln(x / y) summed over classes : [b]; x = 0 counts 0, and its gradient must not be NaN.
    let private relative (x: Tensor) (lnX: Tensor) (lnY: Tensor) = x.mul(lnX.sub lnY).sum 1L

    /// Distance of each student's row from its target : [b].   target, logStudent : [b; c]
    let internal distance divergence (target: Tensor) (logStudent: Tensor) =
        match divergence with
        | TeacherToStudent -> logStudent.mul(target).sum(1L).neg()
        | StudentToTeacher ->
            relative (logStudent.exp ()) logStudent (target.clamp_min(Objective.floor.ToScalar()).log())
        | JensenShannon ->
            // The least normal float32 keeps ln of a one-hot target's zeros finite, where they count 0.
            let safe (x: Tensor) = x.clamp_min((1.2e-38).ToScalar()).log()
            let student = logStudent.exp ()
            let lnMiddle = safe ((target.add student) * 0.5f)
            ((relative target (safe target) lnMiddle).add(relative student logStudent lnMiddle)) * 0.5f

    /// What some rows of a batch of b add to its estimate of the stage's loss, m/b * sum over rows of weight * divergence :
    /// scalar, where m is what teaches in an epoch.
    ///   batch : b   rows : [k] positions in the lesson   logits : [k; c] float32
    let lossPart (device: torch.Device) (lesson: Lesson) (batch: int) (rows: int[]) (logits: Tensor) =
        let c = lesson.Classes
        let b = rows.Length
        let scale = float32 lesson.PerEpoch / float32 batch
        let weights = rows |> Array.map (fun row -> scale * lesson.Weights[row])
        let logStudent = logits.log_softmax 1L

        let part divergence (chosen: int[]) (logStudent: Tensor) =
            let targets = chosen |> Array.collect (fun at -> Array.sub lesson.Targets (rows[at] * c) c)
            let target = torch.tensor(targets).reshape([| int64 chosen.Length; int64 c |]).``to`` device
            let weight = torch.tensor(chosen |> Array.map (fun at -> weights[at])).``to`` device
            (distance divergence target logStudent).mul(weight).sum()

        match lesson.Divergence with
        | TeacherToStudent -> part TeacherToStudent (Array.init b id) logStudent
        | divergence ->
            // Gold labels keep their cross-entropy.
            let gold, pseudo = Array.init b id |> Array.partition (fun at -> lesson.IsGold[rows[at]])

            let some kind (chosen: int[]) =
                let at = torch.tensor(chosen |> Array.map int64).``to`` device
                part kind chosen (logStudent.index_select (0L, at))

            (some TeacherToStudent gold).add(some divergence pseudo)

    /// The batch's estimate of the stage's loss.   rows : [b] positions in the lesson   logits : [b; c] float32
    let loss (device: torch.Device) (lesson: Lesson) (rows: int[]) (logits: Tensor) =
        lossPart device lesson rows.Length rows logits
