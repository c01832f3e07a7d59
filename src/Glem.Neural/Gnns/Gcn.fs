namespace Glem

open TorchSharp

/// How a weight matrix starts.
type MatrixStart =
    /// Uniform within sqrt(6 / (inputs + outputs)) (Glorot & Bengio 2010; PyG's GCNConv).
    | Glorot
    /// Uniform within 1 / sqrt(outputs) (Kipf's pygcn, and GMNN after it).
    | FanOut

/// A graph convolutional network.
type GcnConfig = {
    /// d, width of the node features.
    Inputs: int
    Hidden: int
    Classes: int
    /// Convolutions, 1 at least.
    Layers: int
    /// Dropped share of the features.
    InputDropout: float
    /// Dropped share of each hidden layer.
    HiddenDropout: float
    /// Whether hidden layers are normalised over the nodes before their ReLU.
    BatchNorm: bool
    /// Whether the convolutions add a bias.
    Biases: bool
    Start: MatrixStart
}

module GcnConfig =
    /// GLEM's official GCN: PyG's convolutions with batch norm between them, one dropout rate.
    let glem (dropout: float) (inputs: int) (hidden: int) (classes: int) = {
        Inputs = inputs
        Hidden = hidden
        Classes = classes
        Layers = 2
        InputDropout = dropout
        HiddenDropout = dropout
        BatchNorm = true
        Biases = true
        Start = Glorot
    }

    /// GMNN's GNNs (Qu, Bengio & Tang 2019, released code): weight matrices alone.
    let gmnn (inputDropout: float) (hiddenDropout: float) (inputs: int) (hidden: int) (classes: int) = {
        Inputs = inputs
        Hidden = hidden
        Classes = classes
        Layers = 2
        InputDropout = inputDropout
        HiddenDropout = hiddenDropout
        BatchNorm = false
        Biases = false
        Start = FanOut
    }

/// Kipf & Welling 2017, plain or with batch norm between its layers. Names as PyG's examples spell them: conv1, bn, conv2,
/// and bn2, conv3, … in deeper ones.
module Gcn =
    let private conv k = $"conv%d{k}"
    let private norm k = if k = 1 then "bn" else $"bn%d{k}"

    let private weights (config: GcnConfig) = [
        for k in 1 .. config.Layers do
            let inputs = if k = 1 then config.Inputs else config.Hidden
            let outputs = if k = config.Layers then config.Classes else config.Hidden

            let bound =
                match config.Start with
                | Glorot -> GnnWeight.glorotBound inputs outputs
                | FanOut -> 1.0 / sqrt (float outputs)

            GnnWeight.other $"%s{conv k}.lin.weight" [ outputs; inputs ] (Uniform bound)

            if config.Biases then
                GnnWeight.zeros $"%s{conv k}.bias" outputs

            if config.BatchNorm && k < config.Layers then
                yield! GnnWeight.batchNorm (norm k) config.Hidden
    ]

    /// y = P x W^T + b : [b; outputs] of x : [m; inputs]. Multiplies on the narrower side of the product first; sparse features
    /// always by W first; where few nodes are targets, P, which leaves their rows alone.
    let private convolve (config: GcnConfig) (pass: GnnPass) (graph: GraphTensors) (layer: string) (x: NodeFeatures) =
        Scope.freeing Seq.singleton (fun () ->
            let weight = pass[$"%s{layer}.lin.weight"]

            let y =
                match x with
                | Dense _
                | Dropped _ when weight.shape[0] >= weight.shape[1] || graph.TargetCount < graph.NodeCount ->
                    torch.nn.functional.linear (graph.Symmetric.Propagate(NodeFeatures.toDense x), weight)
                | x -> graph.Symmetric.Propagate(NodeFeatures.linear weight x)

            if config.Biases then y.add_ pass[$"%s{layer}.bias"] else y)

    let gnn (config: GcnConfig) : Gnn =
        let layer k (pass: GnnPass) graph (x: NodeFeatures) =
            let dropout = if k = 1 then config.InputDropout else config.HiddenDropout
            let y = pass.DropWhenRead dropout x |> convolve config pass graph (conv k)

            if k = config.Layers then y
            elif config.BatchNorm then pass.BatchNormRelu (norm k) y
            else y.relu_ ()

        Gnn.ofLayers config.Classes (weights config) [ for k in 1 .. config.Layers -> layer k ]
