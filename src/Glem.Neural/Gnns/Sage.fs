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

/// Hamilton et al. 2017, full batch: W_l aggregate(neighbours) + W_r x. Names as PyG's GraphSAGE spells them: convs.k.lin_l,
/// convs.k.lin_r, norms.k.module.
module Sage =
    /// One layer's weights, names behind `name`.
    let layerWeights name outputs inputs root = [
        yield! GnnWeight.linear $"%s{name}.lin_l" outputs inputs

        if root then
            GnnWeight.other $"%s{name}.lin_r.weight" [ outputs; inputs ] (Uniform(1.0 / sqrt (float inputs)))
    ]

    /// One layer : [n; outputs] of x : [n; inputs].
    let layer aggregator root normalise name (pass: GnnPass) (graph: GraphTensors) (x: NodeFeatures) =
        let left = pass[$"%s{name}.lin_l.weight"]

        let neighbours =
            match aggregator, x with
            | Aggregator.Mean, Dense x when left.shape[0] >= left.shape[1] ->
                torch.nn.functional.linear (graph.Mean.Propagate x, left)
            | Aggregator.Mean, x -> graph.Mean.Propagate(NodeFeatures.linear left x)
            | Aggregator.Max, x ->
                torch.nn.functional.linear (GraphOps.SpmmMax(graph.Edges, NodeFeatures.toDense x), left)

        let y = neighbours.add pass[$"%s{name}.lin_l.bias"]
        let y = if root then y.add (NodeFeatures.linear pass[$"%s{name}.lin_r.weight"] x) else y
        if normalise then torch.nn.functional.normalize y else y

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

        let layer k pass graph x = layer config.Aggregator config.Root config.Normalise (conv k) pass graph x

        let forward (pass: GnnPass) graph (x: NodeFeatures) =
            let hidden x k =
                let y = layer k pass graph x
                let y = if config.BatchNorm then pass.BatchNorm (norm k) y else y
                Dense(y.relu ()) |> pass.DropFeatures config.HiddenDropout

            let h = [ 0 .. last - 1 ] |> List.fold hidden (pass.DropFeatures config.InputDropout x)
            pass.Represent(fun () -> NodeFeatures.toDense h)
            layer last pass graph h

        {
            Classes = config.Classes
            Weights = weights
            Forward = forward
        }
