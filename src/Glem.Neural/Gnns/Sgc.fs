namespace Glem

/// A linear classifier on propagated features.
type SgcConfig = {
    /// d, width of the node features.
    Inputs: int
    Classes: int
    /// K, steps of propagation.
    Hops: int
    /// Dropped share of the propagated features.
    InputDropout: float
}

/// Wu et al. 2019: P^K x W^T + b. Names as PyG's SGConv spells them: lin.
module Sgc =
    let gnn (config: SgcConfig) : Gnn =
        Gnn.decoupled config.Classes (GnnWeight.linear "lin" config.Classes config.Inputs) {
            Features = Hops.last _.Symmetric config.Hops
            Labels = None
            Head =
                fun pass hops _ ->
                    let h = List.exactlyOne hops |> pass.Dropout config.InputDropout
                    pass.Represent(fun () -> h)
                    pass.Linear "lin" (Dense h)
        }
