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

    /// What the last layer of an MLP reads whose names stand behind a prefix.
    let hiddenOf prefix (config: MlpConfig) (pass: GnnPass) (x: NodeFeatures) =
        let hidden x k =
            let y = pass.Linear (prefix + lin k) x
            let y = if config.BatchNorm then pass.BatchNorm (prefix + norm k) y else y
            y.relu () |> pass.Dropout config.HiddenDropout |> Dense

        [ 0 .. config.Layers - 2 ] |> List.fold hidden (pass.DropFeatures config.InputDropout x)

    /// The last layer.
    let lastOf prefix (config: MlpConfig) (pass: GnnPass) (h: NodeFeatures) =
        pass.Linear (prefix + lin (config.Layers - 1)) h

    /// The output of such an MLP : [n; c] of [n; d].
    let forwardOf prefix (config: MlpConfig) (pass: GnnPass) (x: NodeFeatures) =
        hiddenOf prefix config pass x |> lastOf prefix config pass

    let gnn (config: MlpConfig) : Gnn = {
        Classes = config.Classes
        Weights = weightsOf "" config
        Forward =
            fun pass _ x ->
                let h = hiddenOf "" config pass x
                pass.Represent(fun () -> NodeFeatures.toDense h)
                lastOf "" config pass h
    }
