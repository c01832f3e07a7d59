/// Decoupled networks on propagated rows against their own forward pass on the whole graph.
module Glem.Neural.Tests.DecoupledTrainingTests

open System
open System.IO
open FsCheck
open FsCheck.FSharp
open Glem
open TorchSharp
open Xunit

let private decoupled (gnn: Gnn) =
    match gnn.Structure with
    | Decoupled network -> network
    | _ -> failwith "a network on rows"

let private compute = Golden.cpu Precision.Float32
let private models = [ GnnModel.Sgc; GnnModel.Sign; GnnModel.Gamlp; GnnModel.Sagn ]

let private recipe model dropout : GnnRecipe = {
    Model = model
    Hidden = 8
    Dropout = dropout
    InputDropout = Some dropout
    AttentionDropout = Some dropout
    EdgeDropout = None
    Layers = None
    Heads = None
    Hops = None
    Alpha = None
    Aggregator = None
    BatchNorm = None
    FanOuts = None
    Consistency = None
    ReliableLabels = None
    Features = Raw
    LabelInput = Off
    LabelFolds = 3
}

let private c, d = 3, 5

/// A directed graph with loops and isolated nodes, features, and label distributions.
type private Case = {
    Edges: Csr
    Features: float32[]
    Labels: float32[]
    Seed: int
}

let private case seed =
    let random = Random seed
    let n = random.Next(2, 14)
    let pairs = [ for _ in 1 .. random.Next(3 * n) -> struct (random.Next n, random.Next n) ]

    {
        Edges = Csr.ofPairs n pairs
        Features = Array.init (n * d) (fun _ -> random.NextSingle() - 0.5f)
        Labels = Array.init (n * c) (fun _ -> random.NextSingle())
        Seed = seed
    }

let private n case = case.Edges.NodeCount

let private inputs isLabelled case : NodeInputs = {
    Features = Vectors.ofArray d case.Features
    Labels =
        if isLabelled then
            Some {
                Rows = case.Labels
                Classes = c
                Folds = 3
                Key = Key.ofSeed case.Seed
            }
        else
            None
}

let private network model dropout inputs = GraphModel.ofRecipe (recipe model dropout) inputs c |> GnnConfig.gnn

/// A law of every decoupled network, with label inputs and without, on random graphs.
let private holds (law: Gnn -> NodeInputs -> Case -> unit) =
    let seeds = Gen.choose (0, 1000000) |> Arb.fromGen

    Check.One(
        Config.QuickThrowOnFailure.WithMaxTest(15).WithQuietOnSuccess true,
        Prop.forAll seeds (fun seed ->
            let case = case seed

            for model in models do
                for isLabelled in [ false; true ] do
                    let inputs = inputs isLabelled case
                    law (network model 0.0 inputs) inputs case)
    )

let private key = Key.ofSeed 3

let private gradients (p: Parameters) = [
    for name in p.Names do
        match p[name].grad with
        | null -> ()
        | gradient ->
            name, Golden.floats gradient
            p[name].grad <- null
]

let private agreeing (what: string) (expected: (string * float32[]) list) (actual: (string * float32[]) list) =
    Assert.Equal<string list>(List.map fst expected, List.map fst actual)

    for (name, a), (_, b) in List.zip expected actual do
        Golden.agreeToLargest $"%s{what}, %s{name}" 3e-6 1.0 a b

/// The network on rows, all nodes in one pass.
let private onRows compute (gnn: Gnn) graph (inputs: NodeInputs) p mode =
    let network = decoupled gnn
    let hops = DecoupledTraining.inputs compute graph network inputs.Features inputs.Labels
    DecoupledTraining.logits compute network hops (GnnPass(p, mode)) (Array.init graph.NodeCount id)

[<Fact>]
let ``rows give the outputs and gradients of the whole graph, each node's own label hidden`` () =
    holds (fun gnn inputs case ->
        use _ = torch.NewDisposeScope()
        use graph = GraphTensors.ofCsr torch.CPU case.Edges
        use p = Parameters.Create(compute, Gnn.role gnn, GraphModel.initial key gnn)
        let rows = onRows compute gnn graph inputs p Evaluating
        (rows.mul rows).sum().backward()
        let onRows = gradients p
        use x = GraphModel.tensors compute inputs

        let whole hides nodes =
            let logits = Gnn.forward gnn p Evaluating graph (Dense(GraphModel.visible compute x hides))
            let at = torch.tensor (nodes |> Array.map int64)
            let logits = logits.index_select (0L, at)
            (logits.mul logits).sum().backward()
            Array.zip nodes (Golden.floats logits |> Array.chunkBySize c)

        let all = Array.init (n case) id

        let logits =
            match inputs.Labels with
            | None -> whole (fun _ -> false) all
            | Some labels ->
                let folds = LabelInput.folds labels

                [| 0 .. labels.Folds - 1 |]
                |> Array.map (fun fold -> fold, all |> Array.filter (fun i -> folds[i] = fold))
                |> Array.filter (fun (_, nodes) -> nodes.Length > 0)
                |> Array.collect (fun (fold, nodes) -> whole (fun i -> folds[i] = fold) nodes)

        let logits = logits |> Array.sortBy fst |> Array.collect snd
        agreeing "gradient" (gradients p) onRows
        Golden.agree "logits" 1e-6 1e-5 logits (Golden.floats rows))

[<Fact>]
let ``a training pass over all rows has the outputs and gradients of one over the graph`` () =
    holds (fun gnn inputs case ->
        if inputs.Labels.IsNone then
            use _ = torch.NewDisposeScope()
            use graph = GraphTensors.ofCsr torch.CPU case.Edges
            use p = Parameters.Create(compute, Gnn.role gnn, GraphModel.initial key gnn)
            let rows = onRows compute gnn graph inputs p (Training 1L)
            (rows.mul rows).sum().backward()
            let onRows = gradients p
            use x = GraphModel.tensors compute inputs
            let whole = Gnn.forward gnn p (Training 1L) graph (Dense x.Features)
            (whole.mul whole).sum().backward()
            Golden.agree "logits" 1e-6 1e-5 (Golden.floats whole) (Golden.floats rows)
            agreeing "gradient" (gradients p) onRows)

let private budgeted (folder: TemporaryFolder) bytes = {
    compute with
        Memory = {
            Vectors = bytes
            Folder = folder.File "hops"
        }
}

[<Fact>]
let ``hops are the same bits in memory and in files, by as many columns at a time as a budget allows`` () =
    use folder = new TemporaryFolder()

    holds (fun gnn inputs case ->
        use _ = torch.NewDisposeScope()
        use graph = GraphTensors.ofCsr torch.CPU case.Edges
        let network = decoupled gnn
        let nodes = Array.init (n case) id |> Array.rev

        let all compute =
            let hops = DecoupledTraining.inputs compute graph network inputs.Features inputs.Labels

            [ Some hops.Features; hops.Labels ]
            |> List.choose id
            |> List.collect (HopRows.gather compute nodes)
            |> List.map Golden.floats

        let expected = all compute
        Assert.True((expected = all (budgeted folder 0L)))
        // SGC, SIGN and SAGN fit, two or three columns at a time; GAMLP does not.
        Assert.True((expected = all (budgeted folder (int64 (72 * n case))))))

let private fit compute recipe (stage: Stage) (inputs: NodeInputs) =
    use graph = GraphTensors.ofCsr torch.CPU TinyTask.edges
    let gnn = GraphModel.ofRecipe recipe inputs TinyTask.classes |> GnnConfig.gnn
    GraphModel.initial TinyTask.key gnn |> GraphModel.fit compute gnn stage graph inputs

let private tiny (labels: float32[] option) : NodeInputs = {
    TinyTask.inputs TinyTask.features with
        Labels =
            labels
            |> Option.map (fun rows -> {
                Rows = rows
                Classes = TinyTask.classes
                Folds = 3
                Key = TinyTask.key
            })
}

let private goldRows: float32[] =
    let nobody: Posterior<Lm> = Posterior.uniform TinyTask.nodes TinyTask.classes
    (LabelInput.rows GoldOnly 2 TinyTask.key TinyTask.supervision nobody |> Option.get).Rows

[<Fact>]
let ``a memory budget changes no bit of a training, and its files are gone`` () =
    use folder = new TemporaryFolder()

    for model in models do
        let stage = TinyTask.stage TinyTask.key { TinyTask.recipe with Epochs = 3.0 }
        let phi, p = fit compute (recipe model 0.2) stage (tiny (Some goldRows))
        let small, q = fit (budgeted folder 0L) (recipe model 0.2) stage (tiny (Some goldRows))
        Assert.True(TinyTask.areEqual phi small, $"%O{model}")
        Assert.Equal(p, q)

    if not (OperatingSystem.IsWindows()) then
        Assert.Empty(Directory.GetFiles(folder.File "hops"))

/// Another distribution in a node's row.
let private otherRow node (rows: float32[]) =
    let rows = Array.copy rows

    for k in 0 .. TinyTask.classes - 1 do
        rows[node * TinyTask.classes + k] <- 2f - rows[node * TinyTask.classes + k] + float32 k

    rows

[<Fact>]
let ``in prediction a node's own label input does not reach its own logits, and does reach others'`` () =
    use graph = GraphTensors.ofCsr torch.CPU TinyTask.edges

    for model in models do
        let gnn = network model 0.0 (tiny (Some goldRows))
        let weights = GraphModel.initial TinyTask.key gnn
        let say rows = (GraphModel.predict compute gnn graph (tiny (Some rows)) weights).Logits.ToArray()
        let before = say goldRows |> Array.chunkBySize c

        let reached = [
            for node in 0 .. TinyTask.nodes - 1 do
                let after = say (otherRow node goldRows) |> Array.chunkBySize c
                Assert.Equal<float32[]>(before[node], after[node])
                before <> after
        ]

        Assert.Contains(true, reached)

[<Fact>]
let ``in training a node's own label input does not teach the model that node`` () =
    for model in models do
        let stage = TinyTask.stage TinyTask.key { TinyTask.recipe with Epochs = 2.0 }
        let folds = LabelInput.folds (tiny (Some goldRows)).Labels.Value
        let foldOf at = folds[int stage.Lesson.Nodes[at]]
        // Batch norm needs a second node; one that reads none of the fold's labels either.
        let second = [ 2..17 ] |> List.find (fun at -> foldOf at = foldOf 1)
        let node = int stage.Lesson.Nodes[1]

        let alone = {
            stage with
                Lesson = {
                    stage.Lesson with
                        Epoch = fun _ -> [| 1; second |]
                        PerEpoch = 2
                }
        }

        let train rows = fit compute (recipe model 0.2) alone (tiny (Some rows)) |> fst
        Assert.True(TinyTask.areEqual (train goldRows) (train (otherRow node goldRows)), $"%O{model}")

[<Fact>]
let ``a step learns from as many nodes as the recipe's batch says, from one alone too`` () =
    for model in models do
        for batch, perEpoch in [ 0, 1; 8, 3; 18, 1; 1, 18 ] do
            let steps = ref 0

            let stage = {
                TinyTask.stage TinyTask.key {
                    TinyTask.recipe with
                        Epochs = 2.0
                        Batch = batch
                } with
                    Watch = fun _ -> steps.Value <- steps.Value + 1
            }

            let phi, _ = fit compute (recipe model 0.2) stage (tiny None)
            Assert.Equal(2 * perEpoch, steps.Value)

            for pair in phi do
                Assert.True(Array.forall Single.IsFinite pair.Value.Values, $"%O{model}, %s{pair.Key}")
