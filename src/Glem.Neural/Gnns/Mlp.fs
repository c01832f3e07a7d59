namespace Glem

/// A multilayer perceptron on the node features: the baseline that does not see the graph.
type MlpConfig = {
    /// d, width of the node features.
    Inputs: int
    Hidden: int
    Classes: int
    Layers: int
    /// Dropped share of the features.
    InputDropout: float
    /// Dropped share of each hidden layer.
    HiddenDropout: float
    /// Whether hidden layers are normalised over the nodes before their ReLU.
    BatchNorm: bool
}

/// As OGB's baselines have it (Hu et al. 2020): linear, batch norm, ReLU, dropout. Names as PyG's MLP spells them.
module Mlp =
    let private lin k = $"lins.%d{k}"
    let private norm k = $"norms.%d{k}.module"

    /// An MLP's weights, all names behind a prefix.
    let weightsOf prefix (config: MlpConfig) = [
        for k in 0 .. config.Layers - 1 do
            let inputs = if k = 0 then config.Inputs else config.Hidden
            let isLast = k = config.Layers - 1
            yield! GnnWeight.linear (prefix + lin k) (if isLast then config.Classes else config.Hidden) inputs

            if config.BatchNorm && not isLast then
                yield! GnnWeight.batchNorm (prefix + norm k) config.Hidden
    ]

    /// Layer k : [n; h], or [n; c], of [n; d].
    let private layer prefix (config: MlpConfig) k (pass: GnnPass) (x: NodeFeatures) =
        let x = if k = 0 then pass.DropFeatures config.InputDropout x else x
        let y = pass.Linear (prefix + lin k) x

        if k = config.Layers - 1 then
            y
        else
            let y = if config.BatchNorm then pass.BatchNorm (prefix + norm k) y else y
            y.relu () |> pass.Dropout config.HiddenDropout

    /// What the last layer of an MLP reads whose names stand behind a prefix : [n; h].
    let hiddenOf prefix (config: MlpConfig) (pass: GnnPass) (x: NodeFeatures) : NodeFeatures =
        [ 0 .. config.Layers - 2 ] |> List.fold (fun x k -> Dense(layer prefix config k pass x)) x

    /// The last layer : [n; c] of [n; h].
    let lastOf prefix (config: MlpConfig) (pass: GnnPass) (h: NodeFeatures) =
        layer prefix config (config.Layers - 1) pass h

    /// The output of such an MLP : [n; c] of [n; d].
    let forwardOf prefix (config: MlpConfig) (pass: GnnPass) (x: NodeFeatures) =
        hiddenOf prefix config pass x |> lastOf prefix config pass

    let gnn (config: MlpConfig) : Gnn =
        let layer k pass (graph: GraphTensors) x =
            layer "" config k pass (NodeFeatures.first (int64 graph.TargetCount) x)

        Gnn.ofLayers config.Classes (weightsOf "" config) [ for k in 0 .. config.Layers - 1 -> layer k ]
