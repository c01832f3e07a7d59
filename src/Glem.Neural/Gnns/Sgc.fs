namespace Glem

/// A linear classifier on propagated features.
type SgcConfig = {
    /// d, width of the node features.
    Inputs: int
    Classes: int
    /// K, steps of propagation.
    Hops: int
    /// Dropped share of the features.
    InputDropout: float
}

/// Wu et al. 2019: P^K x W^T + b. Names as PyG's SGConv spells them: lin.
module Sgc =
    let gnn (config: SgcConfig) : Gnn =
        let times (graph: GraphTensors) x = [ 1 .. config.Hops ] |> List.fold (fun x _ -> graph.Symmetric.Propagate x) x

        {
            Classes = config.Classes
            Weights = GnnWeight.linear "lin" config.Classes config.Inputs
            Forward =
                fun pass graph x ->
                    let weight = pass["lin.weight"]

                    let x = pass.DropFeatures config.InputDropout x
                    pass.Represent(fun () -> times graph (NodeFeatures.toDense x))

                    match x with
                    // On the narrower side of the product.
                    | Dense x when weight.shape[0] >= weight.shape[1] -> pass.Linear "lin" (Dense(times graph x))
                    | x -> (times graph (NodeFeatures.linear weight x)).add pass["lin.bias"]
        }
