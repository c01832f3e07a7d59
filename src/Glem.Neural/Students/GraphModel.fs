namespace Glem

open TorchSharp

/// GLEM's graph model, phi's side of EM: a GCN that reads the language model's embeddings and the graph.
module GraphModel =
    let ofRecipe (recipe: GnnRecipe) (inputs: int) (classes: int) : GcnConfig = {
        Inputs = inputs
        Hidden = recipe.Hidden
        Classes = classes
        Dropout = recipe.Dropout
    }

    let initial (key: Key) (config: GcnConfig) : Weights =
        use generator = Generator.ofKey (Key.named "gnn" key)
        Gcn.initial config generator

    let private features compute (config: GcnConfig) (values: float32[]) =
        Scope.freeing Seq.singleton (fun () ->
            torch.tensor(values).reshape([| -1L; int64 config.Inputs |]).``to`` compute.Device)

    let private logits config p graph x =
        use _ = torch.no_grad ()

        Scope.freeingAll (fun () ->
            (Gcn.forward config p Evaluating graph x).cpu().contiguous().data<float32>().ToArray())

    /// The posterior of every node.   x : [n; d] row-major
    let predict compute (config: GcnConfig) (graph: Propagation) (x: float32[]) (weights: Weights) : Posterior<Gnn> =
        use p = Parameters.Create(compute, Gcn.role, weights)
        use x = features compute config x
        logits config p graph x |> Posterior.ofLogits config.Classes

    /// Trains on the whole graph at once from the starting weights; answers the best checkpoint and its posterior.
    let fit
        compute
        (config: GcnConfig)
        (stage: Stage)
        (graph: Propagation)
        (x: float32[])
        (start: Weights)
        : Weights * Posterior<Gnn> =
        use p = Parameters.Create(compute, Gcn.role, start)
        use optimiser = new AdamW(stage.Recipe.Optimiser, p)
        use x = features compute config x
        let lesson = stage.Lesson
        let plan = FitRecipe.plan lesson.Count { stage.Recipe with Batch = 0 }
        let all = [| 0 .. lesson.Count - 1 |]
        let nodes = lesson.Nodes |> Array.map int64
        use taught = Scope.freeing Seq.singleton (fun () -> torch.tensor(nodes).``to`` compute.Device)

        let step number =
            Scope.freeingAll (fun () ->
                let mode = Training(Stage.seed stage number)
                let logits = Gcn.forward config p mode graph x
                let loss = Lesson.loss compute.Device lesson all (logits.index_select (0L, taught))
                loss.backward ()
                optimiser.Step(Schedule.rate stage.Recipe.Optimiser plan.Steps number) |> ignore
                loss.item<float32>() |> float)

        let judged, truth = stage.Validation.Nodes, stage.Validation.Truth
        let c = config.Classes

        let evaluate () =
            let logits = logits config p graph x
            let rows = judged |> Array.collect (fun node -> Array.init c (fun k -> float logits[int node * c + k]))
            Predictions.ofLogits c rows truth |> Metrics.scores

        let trainee = {
            Name = stage.Name
            Step = step
            Evaluate = Some evaluate
            Parameters = p
        }

        Training.toBest plan trainee stage.Watch |> ignore
        p.Snapshot(), logits config p graph x |> Posterior.ofLogits c
