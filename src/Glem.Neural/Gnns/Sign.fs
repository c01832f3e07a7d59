namespace Glem

open TorchSharp

/// Scalable inception graph network.
type SignConfig = {
    /// d, width of the node features.
    Inputs: int
    Hidden: int
    Classes: int
    /// K: features propagated 0, 1, …, K times stand side by side.
    Hops: int
    /// Layers of the network on them; 1 is the paper's equation.
    Layers: int
    InputDropout: float
    HiddenDropout: float
}

/// Frasca et al. 2020, eq. 3: a linear layer for each hop, all side by side under one PReLU, and a classifier Omega on them,
/// which the authors' code makes an MLP with batch norm. Its powers are the normalised adjacency's; the paper also tries those
/// of personalised PageRank and of triangles.
module Sign =
    let gnn (config: SignConfig) : Gnn =
        let classifier: MlpConfig = {
            Inputs = (config.Hops + 1) * config.Hidden
            Hidden = config.Hidden
            Classes = config.Classes
            Layers = config.Layers
            InputDropout = config.HiddenDropout
            HiddenDropout = config.HiddenDropout
            BatchNorm = true
        }

        let weights = [
            for k in 0 .. config.Hops do
                yield! GnnWeight.linear $"lins.%d{k}" config.Hidden config.Inputs

            // torch.nn.PReLU.
            GnnWeight.other "prelu.weight" [ 1 ] (Constant 0.25)
            yield! Mlp.weightsOf "project." classifier
        ]

        let head (pass: GnnPass) (hops: Tensor list) _ =
            let wide =
                torch.cat (
                    [|
                        for k, hop in List.indexed hops ->
                            pass.Dropout config.InputDropout hop |> Dense |> pass.Linear $"lins.%d{k}"
                    |],
                    1L
                ) // [b; (K + 1) h]

            let active = (wide.relu ()).sub((wide.neg().relu()).mul pass["prelu.weight"])
            let h = Mlp.hiddenOf "project." classifier pass (Dense active)
            pass.Represent(fun () -> NodeFeatures.toDense h)
            Mlp.lastOf "project." classifier pass h

        Gnn.decoupled config.Classes weights {
            Features = Hops.all _.Symmetric config.Hops
            Labels = None
            Head = head
        }
