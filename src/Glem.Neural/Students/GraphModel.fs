namespace Glem

open TorchSharp

/// GLEM's graph model, phi's side of EM: a GCN that reads the language model's embeddings and the graph.
module GraphModel =
    let ofRecipe (recipe: GnnRecipe) (inputs: int) (classes: int) : GcnConfig =
        GcnConfig.glem recipe.Dropout inputs recipe.Hidden classes

    let initial (key: Key) (config: GcnConfig) : Weights =
        use generator = Generator.ofKey (Key.named "gnn" key)
        Gcn.initial config generator

    let private features compute (config: GcnConfig) (values: float32[]) =
        Scope.freeing Seq.singleton (fun () ->
            torch.tensor(values).reshape([| -1L; int64 config.Inputs |]).``to`` compute.Device)

    /// The posterior of every node.   x : [n; d] row-major
    let predict compute (config: GcnConfig) (graph: Propagation) (x: float32[]) (weights: Weights) : Posterior<Gnn> =
        use x = features compute config x
        GraphTraining.logits compute config graph (Dense x) weights |> Posterior.ofLogits config.Classes

    /// Trains on the whole graph at once from the starting weights; answers the best checkpoint and its posterior.
    let fit
        compute
        (config: GcnConfig)
        (stage: Stage)
        (graph: Propagation)
        (x: float32[])
        (start: Weights)
        : Weights * Posterior<Gnn> =
        use x = features compute config x
        let fit = GraphTraining.toBest compute config stage graph (Dense x) (Anew start)
        fit.Weights, Posterior.ofLogits config.Classes fit.Logits
