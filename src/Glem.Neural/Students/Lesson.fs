namespace Glem

open TorchSharp

/// A stage's data set as arrays: each node's target distribution and its weight in the loss.
///   Nodes, Weights : [m]   Targets : [m; c] row-major
type Lesson = {
    Nodes: int<node>[]
    Targets: float32[]
    Weights: float32[]
    Classes: int
} with

    /// m.
    member this.Count = this.Nodes.Length

module Lesson =
    /// Targets with their weights; gold rows get a share `smoothing` of their mass spread over the classes.
    let ofTargets reduction mix (smoothing: float) (targets: Targets<'teacher>) =
        let c = targets.ClassCount
        let rows = targets.Rows.ToArray()

        targets.IsGold
        |> Array.iteri (fun i isGold ->
            if isGold then
                for k in i * c .. i * c + c - 1 do
                    rows[k] <- rows[k] * float32 (1.0 - smoothing) + float32 (smoothing / float c))

        {
            Nodes = targets.Nodes
            Targets = rows
            Weights = Objective.nodeWeights reduction mix targets
            Classes = c
        }

    /// The batch's estimate of the stage's loss, m/b * sum over rows of weight * CE(target, softmax(logits)) : scalar.
    ///   rows : [b] positions in the lesson   logits : [b; c] float32
    let loss (device: torch.Device) (lesson: Lesson) (rows: int[]) (logits: Tensor) =
        let c = lesson.Classes
        let b = rows.Length
        let scale = float32 lesson.Count / float32 b
        let targets = rows |> Array.collect (fun row -> Array.sub lesson.Targets (row * c) c)
        let weights = rows |> Array.map (fun row -> -scale * lesson.Weights[row])
        let targets = torch.tensor(targets).reshape([| int64 b; int64 c |]).``to`` device
        let weights = torch.tensor(weights).``to`` device
        logits.log_softmax(1L).mul(targets).sum(1L).mul(weights).sum()
