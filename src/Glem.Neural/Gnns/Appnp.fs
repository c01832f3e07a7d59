namespace Glem

/// Predict, then propagate.
type AppnpConfig = {
    /// What predicts: an MLP on the features.
    Mlp: MlpConfig
    /// K, steps of propagation.
    Hops: int
    /// Share of the prediction that every step starts from again.
    Alpha: float
}

/// Gasteiger et al. 2019: an MLP's logits spread by personalised PageRank. The MLP's names are PyG's.
module Appnp =
    /// z <- (1 - alpha) P z + alpha h, hops times, from z = h : [n; c].
    let propagate hops (alpha: float) (graph: Propagation) (h: Tensor) =
        [ 1..hops ]
        |> List.fold (fun (z: Tensor) _ -> ((graph.Propagate z) * (1.0 - alpha)).add(h * alpha)) h

    let gnn (config: AppnpConfig) : Gnn =
        Gnn.ofForward config.Mlp.Classes (Mlp.weightsOf "" config.Mlp) (fun pass graph x ->
            let spread = propagate config.Hops config.Alpha graph.Symmetric
            let h = Mlp.hiddenOf "" config.Mlp pass x
            // Spreading commutes with the last layer's matrix.
            pass.Represent(fun () -> NodeFeatures.toDense h |> spread)
            Mlp.lastOf "" config.Mlp pass h |> spread)
