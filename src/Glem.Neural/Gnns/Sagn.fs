namespace Glem

open TorchSharp

/// Scalable and adaptive graph network.
type SagnConfig = {
    /// d, width of the node features, labels that the model reads left out.
    Inputs: int
    /// Columns of the inputs, their last, that are label distributions: c, or 0.
    Labels: int
    /// Width of a head.
    Hidden: int
    Classes: int
    Heads: int
    /// K: features propagated 0, 1, …, K times are attended to.
    Hops: int
    /// Times that labels are propagated.
    LabelHops: int
    /// Layers of the network on the attended features, and of the one on the labels.
    Layers: int
    InputDropout: float
    HiddenDropout: float
    AttentionDropout: float
}

/// Sun et al. 2021: attention over hops, each with a matrix of its own, scored against hop 0; a linear residual; an MLP;
/// and SLE's label network beside it.
module Sagn =
    let gnn (config: SagnConfig) : Gnn =
        let wide = config.Heads * config.Hidden

        let network inputs : MlpConfig = {
            Inputs = inputs
            Hidden = config.Hidden
            Classes = config.Classes
            Layers = config.Layers
            InputDropout = 0.0
            HiddenDropout = config.HiddenDropout
            BatchNorm = true
        }

        let weights = [
            for k in 0 .. config.Hops do
                GnnWeight.glorot $"fcs.%d{k}" wide config.Inputs

            for side in [ "hop_attn_l"; "hop_attn_r" ] do
                let bound = GnnWeight.glorotBound config.Heads config.Hidden
                GnnWeight.other side [ 1; config.Heads; config.Hidden ] (Uniform bound)

            GnnWeight.glorot "res_fc" wide config.Inputs
            yield! GnnWeight.batchNorm "norm" wide
            yield! Mlp.weightsOf "mlp." (network wide)

            if config.Labels > 0 then
                yield! Mlp.weightsOf "label_mlp." (network config.Labels)
        ]

        let head (pass: GnnPass) (features: Tensor list) (labels: Tensor list) =
            let features = features |> List.map (pass.Dropout config.InputDropout)

            let hidden =
                features
                |> List.mapi (fun k hop ->
                    torch.nn.functional
                        .linear(hop, pass[$"fcs.%d{k}.weight"])
                        .reshape([| -1L; int64 config.Heads; int64 config.Hidden |])) // [b; h; d]

            let own = hidden[0].mul(pass["hop_attn_l"]).sum(-1L) // [b; h]

            let scores = [|
                for hop in hidden ->
                    (hop.mul(pass["hop_attn_r"]).sum(-1L).add(own)).leaky_relu(0.2.ToScalar()).unsqueeze(-1L)
            |]

            let shares = torch.cat(scores, -1L).softmax(-1L) |> pass.Dropout config.AttentionDropout // [b; h; k]

            let attended =
                hidden
                |> List.mapi (fun k hop -> hop.mul (shares.narrow (-1L, int64 k, 1L)))
                |> List.reduce _.add
                |> _.reshape([| -1L; int64 wide |])

            let residual = torch.nn.functional.linear (List.head features, pass["res_fc.weight"])
            let h = (pass.BatchNorm "norm" (attended.add residual)).relu() |> pass.Dropout config.HiddenDropout
            let h = Mlp.hiddenOf "mlp." (network wide) pass (Dense h)
            pass.Represent(fun () -> NodeFeatures.toDense h)
            let logits = Mlp.lastOf "mlp." (network wide) pass h

            match labels with
            | [] -> logits
            | labels ->
                logits.add (List.exactlyOne labels |> Dense |> Mlp.forwardOf "label_mlp." (network config.Labels) pass)

        Gnn.decoupled config.Classes weights {
            Features = Hops.all _.Mean config.Hops
            Labels =
                if config.Labels = 0 then
                    None
                else
                    Some {
                        Columns = config.Labels
                        Hops = Hops.last _.Mean config.LabelHops
                    }
            Head = head
        }
