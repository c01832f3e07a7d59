namespace Glem

open System.Collections.Generic
open TorchSharp

/// Trains a stack of layers on samples of the graph (Hamilton, Ying & Leskovec 2017, algorithm 2): each step's target nodes
/// learn from neighbours drawn for them, and each layer computes no row that the next does not read. Validation and the
/// answer read all neighbours.
module SampledTraining =
    /// Target nodes of a step. Where labels are inputs no step takes more than one of their folds: its targets' are hidden.
    let private batch (stage: Stage) (inputs: NodeInputs) =
        let all = stage.Lesson.PerEpoch

        let most =
            match inputs.Labels with
            | Some labels -> (all + labels.Folds - 1) / labels.Folds
            | None -> all

        if stage.Recipe.Batch = 0 then most else min most stage.Recipe.Batch

    /// Class logits of a sample's targets : [b; c].   x : [m; d]
    let forward device (layers: GnnLayer list) (pass: GnnPass) (sampled: SampledGraph) (x: Tensor) =
        let next (x, k) (layer: GnnLayer) =
            use graph = SampledGraph.block k sampled |> GraphBlock.tensors device
            layer pass graph (Dense x), k + 1

        layers |> List.fold next (x, 0) |> fst

    /// Trains from the starting weights, under a consistency regularisation or none; answers the best checkpoint and its
    /// posterior.
    ///   fanOuts : in-edges kept of a target, of its neighbours, …; -1 keeps all   edges : rows of in-edges
    /// Raises GlemException where the network is no stack of so many layers.
    let fitWith
        consistency
        (compute: Compute)
        (gnn: Gnn)
        (fanOuts: int list)
        (stage: Stage)
        (edges: Csr)
        (inputs: NodeInputs)
        (start: Weights)
        : Weights * Posterior<Gnn> =
        let layers = Gnn.sampled fanOuts gnn |> Result.orRaise
        let batch = batch stage inputs
        let targets = Batches.even (Key.named "targets" stage.Key) batch stage.Lesson.Epoch

        let step number =
            let positions = targets number
            let hidden = positions |> Array.map (fun at -> int stage.Lesson.Nodes[at]) |> HashSet

            let read pass nodes =
                let key = stage.Key |> Key.named "neighbours" |> Key.at number
                let sampled = NeighbourSampler.sample edges fanOuts key nodes

                NodeRows.ofInputs compute.Device inputs hidden.Contains sampled.Nodes
                |> forward compute.Device layers pass sampled

            { Positions = positions; Read = read }

        let practice = {
            NodeCount = edges.NodeCount
            Batch = batch
            Step = step
            Answer = fun p nodes -> LayerwiseInference.answer compute gnn layers edges p inputs nodes
        }

        let fit = GraphTraining.practise consistency compute gnn stage practice (Anew start)
        fit.Weights, Posterior.ofLogits gnn.Classes fit.Logits
