namespace Glem

open TorchSharp
open Glem.Torch.Extensions

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

/// One optimiser step's part of a graph.
type GraphStep = {
    /// The positions in the lesson that it learns from.
    Positions: int[]
    /// The logits of some nodes in one pass over the network : [k; c].
    Read: GnnPass -> int[] -> Tensor
}

/// How a graph network is taught and asked.
type GraphPractice = {
    /// n.
    NodeCount: int
    /// Nodes of an optimiser step; 0 takes all that an epoch teaches.
    Batch: int
    Step: int -> GraphStep
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

    /// Trains under a consistency regularisation or none, and answers the best checkpoint by validation.
    let practise
        (consistency: Consistency option)
        (compute: Compute)
        (gnn: Gnn)
        (stage: Stage)
        (practice: GraphPractice)
        (start: GraphStart)
        : GraphFit =
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

        let teacher =
            let perEpoch = FitRecipe.stepsPerEpoch lesson.PerEpoch practice.Batch

            consistency
            |> Option.map (fun consistency ->
                let epochs = (plan.Steps + perEpoch - 1) / perEpoch
                new MeanTeacher(compute, gnn, stage.Key, consistency, epochs, perEpoch, p, practice.Answer))

        use _ = teacher |> Option.map (fun teacher -> teacher :> System.IDisposable) |> Option.toObj
        // One set of weights is evaluated, kept at its best, and answered with.
        let best = teacher |> Option.map _.Judged |> Option.defaultValue p

        let step number =
            Scope.freeingAll (fun () ->
                let part = practice.Step number
                let taught = part.Positions |> Array.map (fun position -> int lesson.Nodes[position])
                let sure = teacher |> Option.map _.Teaches(number) |> Option.defaultValue [||]
                let pass = GnnPass(p, Training(Stage.seed stage number))
                let logits = part.Read pass (Array.append taught sure)
                let rows first count = logits.narrow (0L, int64 first, int64 count)
                let lessonLoss = rows 0 taught.Length |> Lesson.loss compute.Device lesson part.Positions

                let loss =
                    match teacher with
                    | Some teacher when sure.Length > 0 ->
                        teacher.Term(number, sure, rows taught.Length sure.Length, part.Read) |> lessonLoss.add
                    | _ -> lessonLoss

                loss.backward ()
                optimiser.Step(Schedule.rate stage.Recipe.Optimiser plan.Steps number) |> ignore
                teacher |> Option.iter _.Follow(number)
                loss.item<float32>() |> float)

        let judged = stage.Validation.Nodes |> Array.map int

        let score () =
            let rows = practice.Answer best judged |> Array.map float
            Predictions.ofLogits gnn.Classes rows stage.Validation.Truth |> Metrics.scores

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
            Logits = practice.Answer best (Array.init practice.NodeCount id)
        }

    // Bytes of features from which a step's matrices are large beside the rest of the process.
    let private large = 1L <<< 25

    /// For the time of training on the whole graph: what large matrices free goes back to the system, because the next ones
    /// seldom fit into the holes. Null where they are small, and it is faster to keep it.   x : [n; d]
    let givingBack (x: Tensor) : System.IDisposable | null =
        if x.numel () * x.element_size () < large then null else TensorMemory.GiveBack()

    /// The logits of some nodes from one pass over the whole graph : [k; c].   x : [n; d]
    let read
        (compute: Compute)
        (gnn: Gnn)
        (graph: GraphTensors)
        (x: NodeFeatures)
        (pass: GnnPass)
        (nodes: int[])
        : Tensor =
        Scope.freeing Seq.singleton (fun () ->
            let at = torch.tensor(nodes |> Array.map int64).``to`` compute.Device
            (gnn.Forward pass graph x).index_select(0L, at))

    /// Trains on the whole graph at once, and answers the best checkpoint by validation.
    let toBestWith
        consistency
        compute
        (gnn: Gnn)
        (stage: Stage)
        (graph: GraphTensors)
        (view: GraphView)
        (start: GraphStart)
        : GraphFit =
        let step number =
            let positions, x = view.Training number

            {
                Positions = positions
                Read = read compute gnn graph x
            }

        let answer p (nodes: int[]) =
            let logits = evaluate gnn p graph view.Predicting
            nodes |> Array.collect (fun node -> Array.sub logits (node * gnn.Classes) gnn.Classes)

        let practice = {
            NodeCount = graph.NodeCount
            Batch = 0
            Step = step
            Answer = answer
        }

        practise consistency compute gnn stage practice start

    /// The same under no regularisation.
    let toBest compute gnn stage graph view start : GraphFit = toBestWith None compute gnn stage graph view start
