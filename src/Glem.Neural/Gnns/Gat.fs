namespace Glem

open TorchSharp
open Glem.Torch.Extensions

/// A graph attention network.
type GatConfig = {
    /// d, width of the node features.
    Inputs: int
    /// Width of a hidden layer, all heads together; a multiple of Heads.
    Hidden: int
    Classes: int
    Layers: int
    /// Heads of the hidden layers.
    Heads: int
    /// Heads of the last layer, which are averaged.
    OutputHeads: int
    InputDropout: float
    /// Dropped share of each hidden layer.
    HiddenDropout: float
    /// Dropped share of the attention weights.
    AttentionDropout: float
}

/// Velickovic et al. 2018. Names as PyG's GAT spells them: convs.k.lin_src, convs.k.att_src, convs.k.att_dst, convs.k.bias.
module Gat =
    /// Of the scores' leaky ReLU (Velickovic et al. 2018; PyG's default).
    let slope = 0.2

    /// One layer's weights, names behind `name`; heads side by side where `concat`, else averaged.   width : of a head
    let layerWeights name heads width inputs concat = [
        let matrix = heads * width
        GnnWeight.glorot $"%s{name}.lin_src" matrix inputs
        // PyG draws an attention vector [1; heads; width] as a stack of [heads; width] matrices.
        for part in [ "att_src"; "att_dst" ] do
            GnnWeight.other $"%s{name}.%s{part}" [ 1; heads; width ] (Uniform(GnnWeight.glorotBound heads width))

        GnnWeight.zeros $"%s{name}.bias" (if concat then matrix else width)
    ]

    /// Messages under attention weights : [b; heads * width], or their mean over heads : [b; width].
    ///   scores : [e; heads]   x : [m; heads * width]
    let attend (pass: GnnPass) dropout (edges: EdgeIndex) (scores: Tensor) (x: Tensor) concat =
        let alpha = GraphOps.EdgeSoftmax(edges, scores) |> pass.Dropout dropout
        let y = GraphOps.EdgeSpmm(edges, alpha, x)
        let heads = scores.shape[1]
        if concat then y else y.reshape([| y.shape[0]; heads; -1L |]).mean([| 1L |])

    /// One layer : [b; heads * width], or [b; width], of x : [m; inputs].
    let layer name concat dropout (pass: GnnPass) (edges: EdgeIndex) (x: NodeFeatures) =
        let matrix: Tensor = pass[$"%s{name}.lin_src.weight"]

        // a . (W x) as (a W) x, head by head: one narrow product instead of two passes over W x.
        let part (which: string) x =
            let attention: Tensor = pass[$"%s{name}.%s{which}"]
            let heads, width = attention.shape[1], attention.shape[2]
            let byHead = matrix.reshape [| heads; width; -1L |]
            NodeFeatures.linear (byHead.mul(attention.reshape [| heads; width; 1L |]).sum(1L)) x // [m; heads]

        let targets = NodeFeatures.first (edges.RowPtr.shape[0] - 1L) x
        let scores = GraphOps.GatScores(edges, part "att_src" x, part "att_dst" targets, slope)
        let messages = NodeFeatures.linear matrix x
        (attend pass dropout edges scores messages concat).add pass[$"%s{name}.bias"]

    /// Layers of attention with ELU and dropout between them, as the paper's transductive networks have them.
    ///   weights : name, heads, width of a head, inputs, concat   layer : name, concat, pass, edges, features
    let internal stack (config: GatConfig) weights layer : Gnn =
        let conv k = $"convs.%d{k}"
        let last = config.Layers - 1

        let weights = [
            for k in 0..last do
                let inputs = if k = 0 then config.Inputs else config.Hidden

                if k = last then
                    yield! weights (conv k) config.OutputHeads config.Classes inputs false
                else
                    yield! weights (conv k) config.Heads (config.Hidden / config.Heads) inputs true
        ]

        let layer k (pass: GnnPass) (graph: GraphTensors) (x: NodeFeatures) =
            let x = if k = 0 then pass.DropFeatures config.InputDropout x else x
            let y: Tensor = layer (conv k) (k < last) pass graph.LoopedEdges x
            if k = last then y else y.elu () |> pass.Dropout config.HiddenDropout

        Gnn.ofLayers config.Classes weights [ for k in 0..last -> layer k ]

    let gnn (config: GatConfig) : Gnn =
        stack config layerWeights (fun name concat pass edges x ->
            layer name concat config.AttentionDropout pass edges x)
