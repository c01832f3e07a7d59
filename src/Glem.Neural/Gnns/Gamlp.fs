namespace Glem

open TorchSharp

/// Graph attention multilayer perceptron.
type GamlpConfig = {
    /// d, width of the node features, labels that the model reads left out.
    Inputs: int
    /// Columns of the inputs, their last, that are label distributions: c, or 0.
    Labels: int
    Hidden: int
    Classes: int
    /// K: features propagated 0, 1, …, K times are attended to.
    Hops: int
    /// Times that labels are propagated.
    LabelHops: int
    /// Layers of the network on the attended features.
    Layers: int
    /// Layers of the network on the labels.
    LabelLayers: int
    InputDropout: float
    HiddenDropout: float
    AttentionDropout: float
    /// What a residual layer keeps of the attended features (Chen et al. 2020, GCNII).
    Alpha: float
}

/// Zhang et al. 2022, R_GAMLP with the label branch of its RLU: attention over hops in which hop k is asked how it fits
/// what the hops before it have agreed on.
module Gamlp =
    let private network (inputs, hidden, classes, layers) dropout : MlpConfig = {
        Inputs = inputs
        Hidden = hidden
        Classes = classes
        Layers = layers
        InputDropout = 0.0
        HiddenDropout = dropout
        BatchNorm = true
    }

    /// sum over k of weight_k x_k.   weights : [b; k]   xs : k of [b; d]
    let internal weighted (weights: Tensor) (xs: Tensor list) =
        xs |> List.mapi (fun k x -> x.mul (weights.narrow (1L, int64 k, 1L))) |> List.reduce _.add

    let gnn (config: GamlpConfig) : Gnn =
        let process' = network (config.Inputs, config.Hidden, config.Hidden, 2) config.HiddenDropout

        let labelNetwork =
            network (config.Labels, config.Hidden, config.Classes, config.LabelLayers) config.HiddenDropout

        let inner = [ 1 .. config.Layers - 1 ]

        let weights = [
            for k in 0 .. config.Hops do
                yield! Mlp.weightsOf $"process.%d{k}." process'

            yield! GnnWeight.linear "lr_att" 1 (2 * config.Hidden)

            for k in inner do
                GnnWeight.glorot $"lr_output.%d{k}" config.Hidden config.Hidden
                yield! GnnWeight.batchNorm $"lr_output.%d{k}.norm" config.Hidden

            yield! GnnWeight.linear "lr_output.last" config.Classes config.Hidden

            if config.Labels > 0 then
                yield! Mlp.weightsOf "label_fc." labelNetwork
        ]

        // Hop k's score against what the hops before it agree on : [b; 1].
        let attend (pass: GnnPass) (hidden: Tensor list) =
            let score history (x: Tensor) = (pass.Linear "lr_att" (Dense(torch.cat ([| history; x |], 1L)))).sigmoid()

            let next (scores: Tensor list) k =
                let history =
                    if k = 0 then
                        hidden[0]
                    else
                        let weights = torch.cat(List.toArray scores, 1L).softmax 1L
                        weighted weights (List.take k hidden)

                scores @ [ score history hidden[k] ]

            let scores = [ 0 .. config.Hops ] |> List.fold next []
            torch.cat(List.toArray scores, 1L).softmax 1L |> pass.Dropout config.AttentionDropout

        let head (pass: GnnPass) (features: Tensor list) (labels: Tensor list) =
            let hidden =
                features
                |> List.mapi (fun k hop ->
                    pass.Dropout config.InputDropout hop |> Dense |> Mlp.forwardOf $"process.%d{k}." process' pass)

            let attended = weighted (attend pass hidden) hidden

            let layer (h: Tensor) k =
                let support = (h * (1.0 - config.Alpha)).add(attended * config.Alpha)
                let y = torch.nn.functional.linear (support, pass[$"lr_output.%d{k}.weight"])
                (pass.BatchNorm $"lr_output.%d{k}.norm" y).relu().add(h) |> pass.Dropout config.HiddenDropout

            let h = inner |> List.fold layer attended
            pass.Represent(fun () -> h)
            let logits = pass.Linear "lr_output.last" (Dense h)

            match labels with
            | [] -> logits
            | labels -> logits.add (List.exactlyOne labels |> Dense |> Mlp.forwardOf "label_fc." labelNetwork pass)

        Gnn.decoupled config.Classes weights {
            Features = Hops.all _.Symmetric config.Hops
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
