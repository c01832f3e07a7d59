namespace Glem

open TorchSharp
open Glem.Torch.Extensions

/// A decoupled network's inputs, propagated: what is left of the graph.
type internal DecoupledInputs = {
    Features: HopRows
    Labels: HopRows option
}

/// Trains decoupled networks in batches of rows, and predicts in blocks of them. Batch norm sees the rows of its batch, as in
/// the authors' code.
module internal DecoupledTraining =
    /// Rows in a pass that predicts.
    let private block = 4096

    /// Propagates once.   features : [n; d]
    let inputs
        compute
        graph
        (network: DecoupledNetwork)
        (features: Vectors)
        (labels: LabelRows option)
        : DecoupledInputs =
        let labelHops = network.Labels |> Option.map _.Hops |> Option.defaultValue network.Features

        {
            Features = HopRows.ofFeatures compute graph network.Features features
            Labels = labels |> Option.map (HopRows.ofLabels compute graph labelHops)
        }

    /// Logits of some nodes : [b; c].
    let logits compute (network: DecoupledNetwork) inputs pass (nodes: int[]) =
        let features = HopRows.gather compute nodes inputs.Features

        match network.Labels, inputs.Labels |> Option.map (HopRows.gather compute nodes) with
        | None, Some labels ->
            let beside (x: Tensor) (y: Tensor) = torch.cat ([| x; y |], 1L)
            network.Head pass (List.map2 beside features labels) []
        | _, labels -> network.Head pass features (Option.defaultValue [] labels)

    /// Logits of some nodes, row-major : [b; c].
    let private infer compute network inputs p nodes : float32[] =
        use _ = torch.no_grad ()

        nodes
        |> Array.chunkBySize block
        |> Array.collect (fun nodes ->
            Scope.freeingAll (fun () ->
                (logits compute network inputs (GnnPass(p, Evaluating)) nodes)
                    .cpu()
                    .contiguous()
                    .data<float32>()
                    .ToArray()))

    /// Logits of all n nodes, row-major : [n; c].
    let predict compute (gnn: Gnn) network n inputs (weights: Weights) =
        use p = Parameters.Create(compute, Gnn.role gnn, weights)
        infer compute network inputs p (Array.init n id)

    /// Trains from the starting weights; answers the best checkpoint and the logits of all n nodes there.
    let fit consistency compute (gnn: Gnn) network (stage: Stage) n inputs (start: Weights) : Weights * float32[] =
        let lesson = stage.Lesson
        let batch = Batches.even (Key.named "batches" stage.Key) stage.Recipe.Batch lesson.Epoch

        // A single row has no spread that running statistics could take in.
        let read (pass: GnnPass) (nodes: int[]) =
            let pass = if nodes.Length = 1 then pass.At(0L, true) else pass
            logits compute network inputs pass nodes

        let practice = {
            NodeCount = n
            Batch = stage.Recipe.Batch
            Step =
                fun number -> {
                    // By their place on disk.
                    Positions = batch number |> Array.sortBy (fun position -> lesson.Nodes[position])
                    Read = read
                }
            Answer = infer compute network inputs
        }

        let fit = GraphTraining.practise consistency compute gnn stage practice (Anew start)
        fit.Weights, fit.Logits
