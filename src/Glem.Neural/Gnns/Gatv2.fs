namespace Glem

open TorchSharp
open Glem.Torch.Extensions

/// Brody et al. 2022: attention that scores both ends after the non-linearity. Names as PyG's GATv2Conv spells them:
/// convs.k.lin_l (source), convs.k.lin_r (target), convs.k.att, convs.k.bias.
module Gatv2 =
    /// One layer's weights, names behind `name`; heads side by side where `concat`, else averaged.   width : of a head
    let layerWeights name heads width inputs concat = [
        let outputs = heads * width

        for side in [ "lin_l"; "lin_r" ] do
            GnnWeight.glorot $"%s{name}.%s{side}" outputs inputs
            // PyG's Linear under Glorot keeps torch's start of the bias.
            GnnWeight.other $"%s{name}.%s{side}.bias" [ outputs ] (Uniform(1.0 / sqrt (float inputs)))

        GnnWeight.other $"%s{name}.att" [ 1; heads; width ] (Uniform(GnnWeight.glorotBound heads width))
        GnnWeight.zeros $"%s{name}.bias" (if concat then outputs else width)
    ]

    /// One layer : [b; heads * width], or [b; width], of x : [m; inputs].
    let layer name concat dropout (pass: GnnPass) (edges: EdgeIndex) (x: NodeFeatures) =
        let source = pass.Linear $"%s{name}.lin_l" x
        let target = NodeFeatures.first (edges.RowPtr.shape[0] - 1L) x |> pass.Linear $"%s{name}.lin_r"
        let att: Tensor = pass[$"%s{name}.att"]
        let scores = GraphOps.Gatv2Scores(edges, source, target, att.reshape [| -1L |], att.shape[1], Gat.slope)
        (Gat.attend pass dropout edges scores source concat).add pass[$"%s{name}.bias"]

    let gnn (config: GatConfig) : Gnn =
        Gat.stack config layerWeights (fun name concat pass edges x ->
            layer name concat config.AttentionDropout pass edges x)
