namespace Glem

open System.Collections.Generic
open TorchSharp
open Glem.Torch.Extensions

/// How one weight of a graph network starts.
type GnnStart =
    | Zeros
    | Ones
    | Constant of value: float
    /// Uniform within plus and minus this.
    | Uniform of bound: float

/// One weight of a graph network, by PyG's name.
type GnnWeight = {
    Name: string
    Shape: int list
    Start: GnnStart
    Role: Role
}

module GnnWeight =
    let private weight name shape start = {
        Name = name
        Shape = shape
        Start = start
        Role = Trains
    }

    /// sqrt(6 / (inputs + outputs)) (Glorot & Bengio 2010).
    let glorotBound inputs outputs = sqrt (6.0 / float (inputs + outputs))

    /// A matrix [outputs; inputs] that starts by Glorot's rule, as PyG's convolutions do.
    let glorot name outputs inputs = weight $"%s{name}.weight" [ outputs; inputs ] (Uniform(glorotBound inputs outputs))

    /// torch.nn.Linear: weight [outputs; inputs] and bias [outputs], both uniform within 1 / sqrt(inputs).
    let linear name outputs inputs =
        let start = Uniform(1.0 / sqrt (float inputs))

        [
            weight $"%s{name}.weight" [ outputs; inputs ] start
            weight $"%s{name}.bias" [ outputs ] start
        ]

    /// A vector of zeros, [d].
    let zeros name d = weight name [ d ] Zeros

    /// Any other trained weight.
    let other name shape start = weight name shape start

    /// torch.nn.BatchNorm1d over d columns.
    let batchNorm name d = [
        weight $"%s{name}.weight" [ d ] Ones
        weight $"%s{name}.bias" [ d ] Zeros
        {
            weight $"%s{name}.running_mean" [ d ] Zeros with
                Role = Runs
        }
        {
            weight $"%s{name}.running_var" [ d ] Ones with
                Role = Runs
        }
    ]

    let internal start (generator: torch.Generator) (weight: GnnWeight) =
        let shape = weight.Shape |> List.map int64 |> List.toArray

        match weight.Start with
        | Zeros -> torch.zeros shape
        | Ones -> torch.ones shape
        | Constant value -> torch.full (shape, value.ToScalar())
        | Uniform bound -> torch.rand (shape, generator = generator) * (2.0 * bound) - bound

/// One forward pass of a graph network: whose weights it reads, and what it drops. `after` is the number of the place
/// before its first; a `still` pass leaves running statistics alone; `represent` is shown the nodes' representations.
type GnnPass(parameters: Parameters, mode: Mode, ?after: int64, ?still: bool, ?represent: (Tensor -> unit)) =
    // One mask stream for each place that drops units: the step's seed and the place's number.
    let mutable place = defaultArg after 0L
    let isStill = defaultArg still false
    // torch.nn.BatchNorm1d's.
    let momentum, epsilon = 0.1, 1e-5

    /// A parameter by name.
    member _.Item
        with get (name: string) = parameters[name]

    member _.IsTraining = mode <> Evaluating

    /// A pass whose places come after another one: the same masks as often as it is asked for.
    member _.At(after: int64, still: bool) = GnnPass(parameters, mode, after, still)

    /// Names what the last layer makes classes of, [n; d]: the nodes' representations. It is made only where somebody looks.
    member _.Represent(make: unit -> Tensor) = represent |> Option.iter (fun look -> look (make ()))

    /// The share to drop at the next place, and the seed of its mask.
    member _.Dropping(share: float) =
        place <- place + 1L

        match mode with
        | Training seed when share > 0.0 -> struct (share, seed * 1000003L + place)
        | _ -> struct (0.0, 0L)

    /// Drops a share of the entries in training.
    member this.Dropout (share: float) (x: Tensor) =
        match this.Dropping share with
        | struct (0.0, _) -> x
        | struct (share, seed) -> Ops.Dropout(x, share, seed)

    /// The same for node features.
    member this.DropFeatures (share: float) (x: NodeFeatures) =
        match this.Dropping share with
        | struct (0.0, _) -> x
        | struct (share, seed) -> NodeFeatures.dropout share seed x

    /// The same for what is read once or twice: it is dropped there, and no dropped copy is held.
    member this.DropWhenRead (share: float) (x: NodeFeatures) =
        match this.Dropping share with
        | struct (0.0, _) -> x
        | struct (share, seed) -> NodeFeatures.dropoutWhenRead share seed x

    /// x W^T + b : [n; inputs] -> [n; outputs], with the weights called name.weight and name.bias.
    member this.Linear (name: string) (x: NodeFeatures) =
        (NodeFeatures.linear this[$"%s{name}.weight"] x).add this[$"%s{name}.bias"]

    /// torch.nn.BatchNorm1d with its defaults : [n; d]. Training moves the running statistics. One row has no variance: it is
    /// normalised by them as in evaluation, and does not move them. (PyTorch's Python refuses such a batch; libtorch makes
    /// the row 0 and the running variance NaN.)
    member this.BatchNorm (name: string) (x: Tensor) =
        let struct (mean, variance, isOwn) = this.Statistics name x

        torch.nn.functional.batch_norm (
            x,
            mean,
            variance,
            this[$"%s{name}.weight"],
            this[$"%s{name}.bias"],
            isOwn,
            momentum,
            epsilon
        )

    /// The same and its ReLU, which hold one matrix for the backward pass instead of two.
    member this.BatchNormRelu (name: string) (x: Tensor) =
        let struct (mean, variance, isOwn) = this.Statistics name x
        Ops.BatchNormRelu(x, this[$"%s{name}.weight"], this[$"%s{name}.bias"], mean, variance, isOwn, momentum, epsilon)

    /// Running statistics to move or to go by, and whether x's own count.
    member private this.Statistics (name: string) (x: Tensor) : struct ((Tensor | null) * (Tensor | null) * bool) =
        let isOwn = this.IsTraining && x.shape[0] > 1L

        let running (what: string) : Tensor | null =
            if isStill && isOwn then null else this[$"%s{name}.running_%s{what}"]

        running "mean", running "var", isOwn

/// One layer of a graph network on m nodes, b of which are targets: [b; outputs] of x : [m; inputs]. A target's row depends
/// on its own and on those at its in-edges alone. On a whole graph all nodes are targets.
type GnnLayer = GnnPass -> GraphTensors -> NodeFeatures -> Tensor

/// Label inputs that go a way of their own.
type LabelBranch = {
    /// c: the inputs' last columns.
    Columns: int
    Hops: Hops
}

/// A network that sees the graph in hops of its inputs alone: a node's rows of them are all that its logits need.
type DecoupledNetwork = {
    Features: Hops
    /// None: label inputs, where there are any, are columns of the features.
    Labels: LabelBranch option
    /// Logits : [b; c] of any b nodes from their rows of the features' hops, each [b; d], and of the labels', each [b; c],
    /// which is an empty list without a branch of their own.
    Head: GnnPass -> Tensor list -> Tensor list -> Tensor
}

/// What a network's forward pass is made of, where that says how to train and ask it on less than the whole graph.
type GnnStructure =
    | Whole
    /// The layers whose composition it is: they can be trained on samples of a graph and asked block by block.
    | Layers of GnnLayer list
    /// Propagation, and then a head on rows.
    | Decoupled of DecoupledNetwork

/// A graph network: its weights, and a function of parameters, graph and node features : [n; d] that answers the class
/// logits : [n; c]. Anything of this shape trains, predicts and takes part in EM.
type Gnn = {
    Classes: int
    /// In the order in which they are drawn.
    Weights: GnnWeight list
    Forward: GnnPass -> GraphTensors -> NodeFeatures -> Tensor
    /// `Forward` must be what `Gnn.ofLayers` and `Gnn.decoupled` make of it.
    Structure: GnnStructure
}

module Gnn =
    /// A network that is a stack of layers, from the features to the logits. Of what a pass makes on its way it holds only
    /// what gradients need.
    let ofLayers classes weights (layers: GnnLayer list) : Gnn =
        let layers: GnnLayer list =
            layers
            |> List.map (fun layer pass graph x -> Scope.freeing Seq.singleton (fun () -> layer pass graph x))

        {
            Classes = classes
            Weights = weights
            Forward =
                fun pass graph x ->
                    Scope.freeing Seq.singleton (fun () ->
                        let inner, last = List.take (layers.Length - 1) layers, List.last layers
                        let h = inner |> List.fold (fun x layer -> Dense(layer pass graph x)) x
                        pass.Represent(fun () -> NodeFeatures.toDense h)
                        last pass graph h)
            Structure = Layers layers
        }

    /// A network that propagates its inputs before any weight.
    let decoupled classes weights (network: DecoupledNetwork) : Gnn =
        let forward pass graph x =
            let x: Tensor = NodeFeatures.toDense x

            let labelColumns =
                network.Labels |> Option.map (fun branch -> int64 branch.Columns) |> Option.defaultValue 0L

            let width = x.shape[1] - labelColumns

            let labels =
                match network.Labels with
                | Some branch -> x.narrow (1L, width, labelColumns) |> Hops.spread graph branch.Hops
                | None -> []

            network.Head pass (x.narrow (1L, 0L, width) |> Hops.spread graph network.Features) labels

        {
            Classes = classes
            Weights = weights
            Forward = forward
            Structure = Decoupled network
        }

    /// Any other network.
    let ofForward classes weights forward : Gnn = {
        Classes = classes
        Weights = weights
        Forward = forward
        Structure = Whole
    }

    /// The layers. Error: a setting gnn.fanOuts that this network, which has none, cannot follow.
    let layers (gnn: Gnn) : Result<GnnLayer list, GlemError> =
        match gnn.Structure with
        | Layers layers -> Ok layers
        | Whole
        | Decoupled _ ->
            let found = "numbers for a network that is no stack of layers over neighbours"
            Error(InSetting("gnn.fanOuts", found, "null, or gnn.model one of mlp, gcn, sage, gat, gatv2"))

    /// The layers that some fan-outs are for, one for each. Error: a setting gnn.fanOuts that the network cannot follow.
    let sampled (fanOuts: int list) (gnn: Gnn) : Result<GnnLayer list, GlemError> =
        layers gnn
        |> Result.bind (fun layers ->
            if layers.Length = fanOuts.Length then
                Ok layers
            else
                let found = fanOuts |> List.map string |> String.concat ","
                let expected = $"null, or %d{layers.Length} whole numbers, one for each layer"
                Error(InSetting("gnn.fanOuts", $"[%s{found}]", expected)))

    /// The weights as they start.
    let initial (gnn: Gnn) (generator: torch.Generator) : Weights =
        use _ = torch.NewDisposeScope()
        let weights = Dictionary<string, Weight>()

        for weight in gnn.Weights do
            weights.Add(weight.Name, GnnWeight.start generator weight |> Weight.ofTensor)

        weights

    /// What a weight is for. Raises KeyNotFoundException for a name that is not the network's own.
    let role (gnn: Gnn) : string -> Role =
        let roles = gnn.Weights |> Seq.map (fun weight -> KeyValuePair(weight.Name, weight.Role)) |> Dictionary
        fun name -> roles[name]

    /// Class logits : [n; c] of x : [n; d].
    let forward (gnn: Gnn) (parameters: Parameters) mode (graph: GraphTensors) (x: NodeFeatures) =
        gnn.Forward (GnnPass(parameters, mode)) graph x

    /// What the network makes of the nodes before it makes classes of that : [n; d]. Its class logits, [n; c], where it names
    /// nothing (GnnPass.Represent).
    let representations (gnn: Gnn) (parameters: Parameters) (graph: GraphTensors) (x: NodeFeatures) : Tensor =
        let seen = ref None
        // The pass frees its own.
        let keep (h: Tensor) = seen.Value <- Some(h.alias().DetachFromDisposeScope())
        let logits = gnn.Forward (GnnPass(parameters, Evaluating, represent = keep)) graph x

        match seen.Value with
        | Some h ->
            match torch.CurrentDisposeScope with
            | null -> h
            | scope ->
                scope.Attach(h :> System.IDisposable)
                h
        | None -> logits
