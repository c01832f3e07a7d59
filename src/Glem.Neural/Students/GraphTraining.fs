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

/// The logits of every node, row-major : [n; c], from as many passes over the network (inputs [n; d] -> logits) as it takes.
type Inference = (NodeFeatures -> float32[]) -> float32[]

/// What a graph network sees. Tensors that `Training` makes live for that step alone.
type GraphView = {
    /// For an optimiser step: the positions in the lesson that it learns from, and the inputs : [n; d].
    Training: int -> int[] * NodeFeatures
    Predicting: Inference
}

module GraphView =
    /// The same inputs, [n; d], in every step and in prediction; learns from all that the lesson teaches.
    let all (lesson: Lesson) (x: NodeFeatures) = {
        Training = fun step -> lesson.Epoch step, x
        Predicting = fun pass -> pass x
    }

/// Trains graph networks on the whole graph at once, whoever they are to EM.
module GraphTraining =
    let private evaluate gnn p graph (inference: Inference) =
        use _ = torch.no_grad ()

        inference (fun x ->
            Scope.freeingAll (fun () ->
                (Gnn.forward gnn p Evaluating graph x).cpu().contiguous().data<float32>().ToArray()))

    /// The logits of every node, row-major : [n; c].
    let predict (compute: Compute) (gnn: Gnn) (graph: GraphTensors) (inference: Inference) (weights: Weights) =
        use p = Parameters.Create(compute, Gnn.role gnn, weights)
        evaluate gnn p graph inference

    /// Trains under a consistency regularisation or none, and answers the best checkpoint by validation.
    let toBestWith
        (consistency: Consistency option)
        (compute: Compute)
        (gnn: Gnn)
        (stage: Stage)
        (graph: GraphTensors)
        (view: GraphView)
        (start: GraphStart)
        : GraphFit =
        let weights, memory =
            match start with
            | Anew weights -> weights, None
            | From fit -> fit.Weights, Some fit.Optimiser

        use p = Parameters.Create(compute, Gnn.role gnn, weights)
        use optimiser = new Optimiser(stage.Recipe.Optimiser, p, ?state = memory)
        let lesson = stage.Lesson
        let plan = FitRecipe.plan lesson.PerEpoch { stage.Recipe with Batch = 0 }
        let predict p = evaluate gnn p graph view.Predicting

        let c = gnn.Classes

        let ofNodes (nodes: int[]) (logits: float32[]) = nodes |> Array.collect (fun i -> Array.sub logits (i * c) c)

        // A step takes all nodes: it is an epoch.
        let teacher =
            consistency
            |> Option.map (fun consistency ->
                let answer p nodes = predict p |> ofNodes nodes
                new MeanTeacher(compute, gnn, stage.Key, consistency, plan.Steps, 1, p, answer))

        use _ = teacher |> Option.map (fun teacher -> teacher :> System.IDisposable) |> Option.toObj
        // One set of weights is evaluated, kept at its best, and answered with.
        let best = teacher |> Option.map _.Judged |> Option.defaultValue p

        let step number =
            Scope.freeingAll (fun () ->
                let positions, x = view.Training number
                let logits = Gnn.forward gnn p (Training(Stage.seed stage number)) graph x

                let rows (nodes: int[]) (logits: Tensor) =
                    logits.index_select (0L, torch.tensor(nodes |> Array.map int64).``to`` compute.Device)

                let taught = positions |> Array.map (fun position -> int lesson.Nodes[position])
                let lessonLoss = rows taught logits |> Lesson.loss compute.Device lesson positions
                let own nodes = rows nodes logits
                let read pass nodes = gnn.Forward pass graph x |> rows nodes

                let loss =
                    teacher
                    |> Option.bind _.Term(number, own, read)
                    |> Option.map lessonLoss.add
                    |> Option.defaultValue lessonLoss

                loss.backward ()
                optimiser.Step(Schedule.rate stage.Recipe.Optimiser plan.Steps number) |> ignore
                teacher |> Option.iter _.Follow(number)
                loss.item<float32>() |> float)

        let judged, truth = stage.Validation.Nodes |> Array.map int, stage.Validation.Truth

        let score () =
            let rows = predict best |> ofNodes judged |> Array.map float
            Predictions.ofLogits c rows truth |> Metrics.scores

        let trainee = {
            Name = stage.Name
            Step = step
            Evaluate = Some score
            Parameters = best
        }

        let memory = ref optimiser.State

        // Training keeps the best weights; the optimiser's memory of the same moment is kept beside them.
        let watch (state: TrainState) =
            if state.Validation.IsSome && state.SinceBest = 0 then
                memory.Value <- optimiser.State

            stage.Watch state

        Training.toBest plan trainee watch |> ignore

        {
            Weights = best.Snapshot()
            Optimiser = memory.Value
            Logits = predict best
        }

    /// Trains, and answers the best checkpoint by validation.
    let toBest compute gnn stage graph view start : GraphFit = toBestWith None compute gnn stage graph view start
