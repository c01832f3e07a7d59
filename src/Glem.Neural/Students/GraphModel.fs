namespace Glem

open TorchSharp

/// What the graph model reads of every node.
type NodeInputs = {
    /// Row-major : [n; Width].
    Features: float32[]
    Width: int
    Labels: LabelRows option
} with

    /// Columns that the model reads: d, and c where it reads labels.
    member this.Columns =
        this.Width
        + (match this.Labels with
           | Some labels -> labels.Classes
           | None -> 0)

/// Node inputs as tensors.   Features : [n; d]   Labels : [n; c]
type private NodeTensors = {
    Features: Tensor
    Labels: Tensor option
} with

    interface System.IDisposable with
        member this.Dispose() =
            this.Features.Dispose()
            this.Labels |> Option.iter _.Dispose()

/// GLEM's graph model, phi's side of EM: a GCN that reads the graph, features, and other nodes' labels if asked to.
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

    let private tensors compute (inputs: NodeInputs) : NodeTensors =
        let tensor (values: float32[]) (width: int) =
            Scope.freeing Seq.singleton (fun () ->
                torch.tensor(values).reshape([| -1L; int64 width |]).``to`` compute.Device)

        {
            Features = tensor inputs.Features inputs.Width
            Labels = inputs.Labels |> Option.map (fun labels -> tensor labels.Rows labels.Classes)
        }

    /// The input matrix with the labels of the hidden nodes blanked out.   hides : node -> bool
    let private visible compute (x: NodeTensors) (hides: int -> bool) =
        match x.Labels with
        | None -> x.Features
        | Some labels ->
            let shown = Array.init (int labels.shape[0]) (fun i -> if hides i then 0f else 1f)
            let shown = torch.tensor(shown).reshape([| -1L; 1L |]).``to`` compute.Device
            torch.cat ([| x.Features; labels.mul shown |], 1L)

    let private evaluate compute config p graph (x: NodeTensors) hides =
        use _ = torch.no_grad ()

        Scope.freeingAll (fun () ->
            let logits = Gcn.forward config p Evaluating graph (visible compute x hides)
            logits.cpu().contiguous().data<float32>().ToArray())

    /// Logits of every node, row-major : [n; c], each from a pass in which its own label is hidden.
    let private logits compute config p graph (inputs: NodeInputs) (x: NodeTensors) =
        match inputs.Labels with
        | None -> evaluate compute config p graph x (fun _ -> false)
        | Some labels ->
            let folds = LabelInput.folds labels
            let c = config.Classes
            let all = Array.zeroCreate<float32>(folds.Length * c)

            for fold in 0 .. labels.Folds - 1 do
                let pass = evaluate compute config p graph x (fun i -> folds[i] = fold)

                folds
                |> Array.iteri (fun i own ->
                    if own = fold then
                        Array.blit pass (i * c) all (i * c) c)

            all

    /// The posterior of every node.
    let predict compute (config: GcnConfig) (graph: Propagation) (inputs: NodeInputs) (weights: Weights) =
        use p = Parameters.Create(compute, Gcn.role, weights)
        use x = tensors compute inputs
        logits compute config p graph inputs x |> Posterior.ofLogits config.Classes: Posterior<Gnn>

    /// The positions that a step learns from: an epoch's all; where labels are inputs, the part of them that is hidden.
    let private taught (stage: Stage) (inputs: NodeInputs) number =
        let positions = stage.Lesson.Epoch number

        match inputs.Labels with
        | None -> positions
        | Some labels ->
            let hidden = (positions.Length + labels.Folds - 1) / labels.Folds

            positions
            |> Key.shuffle (stage.Key |> Key.named "hidden labels" |> Key.at number)
            |> Array.truncate hidden

    /// Trains on the whole graph at once from the starting weights; answers the best checkpoint and its posterior.
    let fit
        compute
        (config: GcnConfig)
        (stage: Stage)
        (graph: Propagation)
        (inputs: NodeInputs)
        (start: Weights)
        : Weights * Posterior<Gnn> =
        use p = Parameters.Create(compute, Gcn.role, start)
        use optimiser = new AdamW(stage.Recipe.Optimiser, p)
        use x = tensors compute inputs
        let lesson = stage.Lesson
        let plan = FitRecipe.plan lesson.PerEpoch { stage.Recipe with Batch = 0 }

        let step number =
            Scope.freeingAll (fun () ->
                let positions = taught stage inputs number
                let nodes = positions |> Array.map (fun at -> int lesson.Nodes[at])
                let hidden = System.Collections.Generic.HashSet nodes
                let at = torch.tensor(nodes |> Array.map int64).``to`` compute.Device
                let mode = Training(Stage.seed stage number)
                let logits = Gcn.forward config p mode graph (visible compute x hidden.Contains)
                let loss = Lesson.loss compute.Device lesson positions (logits.index_select (0L, at))
                loss.backward ()
                optimiser.Step(Schedule.rate stage.Recipe.Optimiser plan.Steps number) |> ignore
                loss.item<float32>() |> float)

        let judged, truth = stage.Validation.Nodes, stage.Validation.Truth
        let c = config.Classes

        let evaluate () =
            let logits = logits compute config p graph inputs x
            let rows = judged |> Array.collect (fun node -> Array.init c (fun k -> float logits[int node * c + k]))
            Predictions.ofLogits c rows truth |> Metrics.scores

        let trainee = {
            Name = stage.Name
            Step = step
            Evaluate = Some evaluate
            Parameters = p
        }

        Training.toBest plan trainee stage.Watch |> ignore
        p.Snapshot(), logits compute config p graph inputs x |> Posterior.ofLogits c
