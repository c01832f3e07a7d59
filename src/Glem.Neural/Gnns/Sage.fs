namespace Glem

open TorchSharp
open Glem.Torch.Extensions

/// How GraphSAGE sums up a neighbourhood.
[<RequireQualifiedAccess>]
type Aggregator =
    | Mean
    | Max

/// GraphSAGE.
type SageConfig = {
    /// d, width of the node features.
    Inputs: int
    Hidden: int
    Classes: int
    Layers: int
    Aggregator: Aggregator
    /// Whether the node's own row is added through a matrix of its own.
    Root: bool
    /// Whether each layer's rows are scaled to length 1 (Hamilton et al. 2017, algorithm 1, line 7).
    Normalise: bool
    InputDropout: float
    /// Dropped share of each hidden layer.
    HiddenDropout: float
    /// Whether hidden layers are normalised over the nodes before their ReLU.
    BatchNorm: bool
}

/// Hamilton et al. 2017: W_l aggregate(neighbours) + W_r x. Names as PyG's GraphSAGE spells them: convs.k.lin_l,
/// convs.k.lin_r, norms.k.module.
module Sage =
    /// One layer's weights, names behind `name`.
    let layerWeights name outputs inputs root = [
        yield! GnnWeight.linear $"%s{name}.lin_l" outputs inputs

        if root then
            GnnWeight.other $"%s{name}.lin_r.weight" [ outputs; inputs ] (Uniform(1.0 / sqrt (float inputs)))
    ]

    /// One layer : [b; outputs] of x : [m; inputs].
    let layer aggregator root normalise name (pass: GnnPass) (graph: GraphTensors) (x: NodeFeatures) =
        let left: Tensor = pass[$"%s{name}.lin_l.weight"]
        let right = if root then Some(pass[$"%s{name}.lin_r.weight"]: Tensor) else None

        let productFirst () =
            match right with
            | Some right ->
                let neighbours, own = NodeFeatures.twoLinear left right x
                graph.Mean.Propagate neighbours, Some own
            | None -> graph.Mean.Propagate(NodeFeatures.linear left x), None

        let aggregateFirst (aggregate: Tensor -> Tensor) =
            let x = NodeFeatures.toDense x
            let own = NodeFeatures.first (int64 graph.TargetCount) (Dense x)

            torch.nn.functional.linear (aggregate x, left),
            right |> Option.map (fun right -> NodeFeatures.linear right own)

        Scope.freeing Seq.singleton (fun () ->
            let neighbours, own =
                match aggregator, x with
                | Aggregator.Max, _ -> aggregateFirst (fun x -> GraphOps.SpmmMax(graph.Edges, x))
                // The narrower side of the product first; where few nodes are targets, the mean, which leaves their rows
                // alone.
                | Aggregator.Mean, (Dense _ | Dropped _) when
                    left.shape[0] >= left.shape[1] || graph.TargetCount < graph.NodeCount
                    ->
                    aggregateFirst graph.Mean.Propagate
                | Aggregator.Mean, _ -> productFirst ()

            let y = neighbours.add_ pass[$"%s{name}.lin_l.bias"]
            let y = own |> Option.map y.add_ |> Option.defaultValue y
            if normalise then torch.nn.functional.normalize y else y)

    let gnn (config: SageConfig) : Gnn =
        let conv k = $"convs.%d{k}"
        let norm k = $"norms.%d{k}.module"
        let last = config.Layers - 1

        let weights = [
            for k in 0..last do
                let inputs = if k = 0 then config.Inputs else config.Hidden
                yield! layerWeights (conv k) (if k = last then config.Classes else config.Hidden) inputs config.Root

                if config.BatchNorm && k < last then
                    yield! GnnWeight.batchNorm (norm k) config.Hidden
        ]

        let layer k (pass: GnnPass) graph (x: NodeFeatures) =
            let dropout = if k = 0 then config.InputDropout else config.HiddenDropout

            let y =
                pass.DropWhenRead dropout x
                |> layer config.Aggregator config.Root config.Normalise (conv k) pass graph

            if k = last then y
            elif config.BatchNorm then pass.BatchNormRelu (norm k) y
            else y.relu_ ()

        Gnn.ofLayers config.Classes weights [ for k in 0..last -> layer k ]
