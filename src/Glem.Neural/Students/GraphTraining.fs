namespace Glem

open TorchSharp

/// A graph network after training: its best checkpoint, the optimiser's memory at that checkpoint, and the logits of
/// every node there : [n; c] row-major.
type GraphFit = {
    Weights: Weights
    Optimiser: OptimiserState
    Logits: float32[]
}

/// Where a graph network's training starts.
type GraphStart =
    /// From these weights, the optimiser without memory.
    | Anew of Weights
    /// Where an earlier training's best checkpoint left off, the optimiser's memory included.
    | From of GraphFit

/// Trains graph networks on the whole graph at once, whoever they are to EM.
module GraphTraining =
    let private evaluate config p graph x =
        use _ = torch.no_grad ()

        Scope.freeingAll (fun () ->
            (Gcn.forward config p Evaluating graph x).cpu().contiguous().data<float32>().ToArray())

    /// The logits of every node : [n; c] row-major.   x : [n; d]
    let logits (compute: Compute) (config: GcnConfig) (graph: Propagation) (x: NodeFeatures) (weights: Weights) =
        use p = Parameters.Create(compute, Gcn.role, weights)
        evaluate config p graph x

    /// Trains, and answers the best checkpoint by validation.   x : [n; d]
    let toBest
        (compute: Compute)
        (config: GcnConfig)
        (stage: Stage)
        (graph: Propagation)
        (x: NodeFeatures)
        (start: GraphStart)
        : GraphFit =
        let weights, memory =
            match start with
            | Anew weights -> weights, None
            | From fit -> fit.Weights, Some fit.Optimiser

        use p = Parameters.Create(compute, Gcn.role, weights)
        use optimiser = new Optimiser(stage.Recipe.Optimiser, p, ?state = memory)
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

        let score () =
            let logits = evaluate config p graph x
            let rows = judged |> Array.collect (fun node -> Array.init c (fun k -> float logits[int node * c + k]))
            Predictions.ofLogits c rows truth |> Metrics.scores

        let trainee = {
            Name = stage.Name
            Step = step
            Evaluate = Some score
            Parameters = p
        }

        let memory = ref optimiser.State

        // Training keeps the best weights; the optimiser's memory of the same moment is kept beside them.
        let watch (state: TrainState) =
            if state.Validation.IsSome && state.SinceBest = 0 then
                memory.Value <- optimiser.State

            stage.Watch state

        Training.toBest plan trainee watch |> ignore

        {
            Weights = p.Snapshot()
            Optimiser = memory.Value
            Logits = evaluate config p graph x
        }
