namespace Glem

open System.Collections.Generic
open TorchSharp

/// What the graph model reads of every node.
type NodeInputs = {
    /// [n; d].
    Features: Vectors
    Labels: LabelRows option
} with

    /// d.
    member this.Width = this.Features.Width

    /// Columns that the model reads: d, and c where it reads labels.
    member this.Columns =
        this.Width
        + (match this.Labels with
           | Some labels -> labels.Classes
           | None -> 0)

/// Node inputs as tensors.   Features : [n; d]   Labels : [n; c]
type internal NodeTensors = {
    Features: Tensor
    Labels: Tensor option
} with

    interface System.IDisposable with
        member this.Dispose() =
            this.Features.Dispose()
            this.Labels |> Option.iter _.Dispose()

/// GLEM's graph model, phi's side of EM: a graph network that reads the graph, features, and other nodes' labels if asked
/// to.
module GraphModel =
    /// The model that a recipe names, for these inputs.
    let ofRecipe (recipe: GnnRecipe) (inputs: NodeInputs) (classes: int) : GnnConfig =
        GnnConfig.ofRecipe recipe inputs.Width (inputs.Columns - inputs.Width) classes

    let initial (key: Key) (gnn: Gnn) : Weights =
        use generator = Generator.ofKey (Key.named "gnn" key)
        Gnn.initial gnn generator

    let internal tensors compute (inputs: NodeInputs) : NodeTensors =
        let tensor = Vectors.toTensor compute.Device

        {
            Features = tensor inputs.Features
            Labels = inputs.Labels |> Option.map (fun labels -> tensor (Vectors.ofArray labels.Classes labels.Rows))
        }

    /// The input matrix with the labels of the hidden nodes blanked out.   hides : node -> bool
    let internal visible compute (x: NodeTensors) (hides: int -> bool) =
        match x.Labels with
        | None -> x.Features
        | Some labels ->
            let shown = Array.init (int labels.shape[0]) (fun i -> if hides i then 0f else 1f)
            let shown = torch.tensor(shown).reshape([| -1L; 1L |]).``to`` compute.Device
            torch.cat ([| x.Features; labels.mul shown |], 1L)

    /// The positions that a step learns from: an epoch's all; where labels are inputs, the part of them that is hidden.
    let internal taught (stage: Stage) (inputs: NodeInputs) number =
        let positions = stage.Lesson.Epoch number

        match inputs.Labels with
        | None -> positions
        | Some labels ->
            let hidden = (positions.Length + labels.Folds - 1) / labels.Folds

            positions
            |> Key.shuffle (stage.Key |> Key.named "hidden labels" |> Key.at number)
            |> Array.truncate hidden

    /// Logits of every node, row-major : [n; c], each from a pass in which its own label is hidden.
    let private predicting compute classes (inputs: NodeInputs) x (pass: NodeFeatures -> float32[]) =
        let pass hides = Scope.freeingAll (fun () -> visible compute x hides |> Dense |> pass)

        match inputs.Labels with
        | None -> pass (fun _ -> false)
        | Some labels ->
            let folds = LabelInput.folds labels
            let all = Array.zeroCreate<float32>(folds.Length * classes)

            for fold in 0 .. labels.Folds - 1 do
                let logits = pass (fun i -> folds[i] = fold)

                folds
                |> Array.iteri (fun i own ->
                    if own = fold then
                        Array.blit logits (i * classes) all (i * classes) classes)

            all

    /// The posterior of every node.
    let predict compute (gnn: Gnn) (graph: GraphTensors) (inputs: NodeInputs) (weights: Weights) : Posterior<Gnn> =
        match gnn.Structure with
        | Decoupled network ->
            let hops = DecoupledTraining.inputs compute graph network inputs.Features inputs.Labels

            DecoupledTraining.predict compute gnn network graph.NodeCount hops weights
            |> Posterior.ofLogits gnn.Classes
        | Whole
        | Layers _ ->
            use x = tensors compute inputs
            let predicting = predicting compute gnn.Classes inputs x
            GraphTraining.predict compute gnn graph predicting weights |> Posterior.ofLogits gnn.Classes

    /// What the network makes of every node before it makes classes of that, [n; d], in one pass in which all label inputs
    /// are visible: for other tasks than to tell classes, where a node may know its own.
    let representations compute (gnn: Gnn) (graph: GraphTensors) (inputs: NodeInputs) (weights: Weights) : Vectors =
        use _ = torch.no_grad ()
        use _ = torch.NewDisposeScope()
        use p = Parameters.Create(compute, Gnn.role gnn, weights)

        let h =
            visible compute (tensors compute inputs) (fun _ -> false)
            |> Dense
            |> Gnn.representations gnn p graph

        h.cpu().contiguous().data<float32>().ToArray() |> Vectors.ofArray (int h.shape[1])

    let private fitOnGraph
        consistency
        compute
        (gnn: Gnn)
        (stage: Stage)
        (graph: GraphTensors)
        (inputs: NodeInputs)
        (start: Weights)
        : Weights * float32[] =
        use x = tensors compute inputs
        use _ = GraphTraining.givingBack x.Features

        let view = {
            Training =
                fun number ->
                    let positions = taught stage inputs number
                    let hidden = positions |> Array.map (fun at -> int stage.Lesson.Nodes[at]) |> HashSet
                    positions, Dense(visible compute x hidden.Contains)
            Predicting = predicting compute gnn.Classes inputs x
        }

        let fit = GraphTraining.toBestWith consistency compute gnn stage graph view (Anew start)
        fit.Weights, fit.Logits

    /// Trains from the starting weights, under a consistency regularisation or none, a decoupled network in batches of rows and
    /// any other on the whole graph at once; answers the best checkpoint and its posterior.
    let fitWith
        consistency
        compute
        (gnn: Gnn)
        (stage: Stage)
        (graph: GraphTensors)
        (inputs: NodeInputs)
        (start: Weights)
        =
        let weights, logits =
            match gnn.Structure with
            | Decoupled network ->
                let hops = DecoupledTraining.inputs compute graph network inputs.Features inputs.Labels
                DecoupledTraining.fit consistency compute gnn network stage graph.NodeCount hops start
            | Whole
            | Layers _ -> fitOnGraph consistency compute gnn stage graph inputs start

        weights, (Posterior.ofLogits gnn.Classes logits: Posterior<Gnn>)

    /// The same under no regularisation.
    let fit compute gnn stage graph inputs start : Weights * Posterior<Gnn> =
        fitWith None compute gnn stage graph inputs start
