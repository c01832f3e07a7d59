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

/// How a graph network is taught and asked.
type GraphPractice = {
    /// n.
    NodeCount: int
    /// Nodes of an optimiser step; 0 takes all that an epoch teaches.
    Batch: int
    /// For an optimiser step: the positions in the lesson that it learns from, and the logits of their nodes : [k; c].
    Learn: Parameters -> int -> int[] * Tensor
    /// The logits of some nodes, row-major : [k; c].
    Answer: Parameters -> int[] -> float32[]
}

/// Trains graph networks, whoever they are to EM.
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

    /// Trains, and answers the best checkpoint by validation.
    let practise (compute: Compute) (gnn: Gnn) (stage: Stage) (practice: GraphPractice) (start: GraphStart) : GraphFit =
        let weights, memory =
            match start with
            | Anew weights -> weights, None
            | From fit -> fit.Weights, Some fit.Optimiser

        use p = Parameters.Create(compute, Gnn.role gnn, weights)
        use optimiser = new Optimiser(stage.Recipe.Optimiser, p, ?state = memory)
        let lesson = stage.Lesson

        let plan =
            FitRecipe.plan lesson.PerEpoch {
                stage.Recipe with
                    Batch = practice.Batch
            }

        let step number =
            Scope.freeingAll (fun () ->
                let positions, logits = practice.Learn p number
                let loss = Lesson.loss compute.Device lesson positions logits
                loss.backward ()
                optimiser.Step(Schedule.rate stage.Recipe.Optimiser plan.Steps number) |> ignore
                loss.item<float32>() |> float)

        let judged = stage.Validation.Nodes |> Array.map int

        let score () =
            let rows = practice.Answer p judged |> Array.map float
            Predictions.ofLogits gnn.Classes rows stage.Validation.Truth |> Metrics.scores

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
            Logits = practice.Answer p (Array.init practice.NodeCount id)
        }

    /// Trains on the whole graph at once, and answers the best checkpoint by validation.
    let toBest
        compute
        (gnn: Gnn)
        (stage: Stage)
        (graph: GraphTensors)
        (view: GraphView)
        (start: GraphStart)
        : GraphFit =
        let learn p number =
            let positions, x = view.Training number
            let at = positions |> Array.map (fun position -> int64 stage.Lesson.Nodes[position])
            let taught = torch.tensor(at).``to`` compute.Device
            let logits = Gnn.forward gnn p (Training(Stage.seed stage number)) graph x
            positions, logits.index_select (0L, taught)

        let answer p (nodes: int[]) =
            let logits = evaluate gnn p graph view.Predicting
            let rows = Array.zeroCreate (nodes.Length * gnn.Classes)

            nodes
            |> Array.iteri (fun at node -> Array.blit logits (node * gnn.Classes) rows (at * gnn.Classes) gnn.Classes)

            rows

        let practice = {
            NodeCount = graph.NodeCount
            Batch = 0
            Learn = learn
            Answer = answer
        }

        practise compute gnn stage practice start
