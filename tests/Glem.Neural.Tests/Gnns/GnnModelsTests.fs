/// What every graph model of a recipe is held to.
module Glem.Neural.Tests.GnnModelsTests

open Glem
open TorchSharp
open Xunit

let private models = [
    GnnModel.Mlp
    GnnModel.Gcn
    GnnModel.Sage
    GnnModel.Gat
    GnnModel.Gatv2
    GnnModel.Appnp
    GnnModel.Sgc
    GnnModel.Sign
    GnnModel.RevGat
    GnnModel.Gamlp
    GnnModel.Sagn
]

let private recipe model : GnnRecipe = {
    Model = model
    Hidden = 16
    Dropout = 0.2
    InputDropout = None
    AttentionDropout = None
    EdgeDropout = None
    Layers = None
    Heads = None
    Hops = None
    Alpha = None
    Aggregator = None
    BatchNorm = None
    FanOuts = None
    Features = Raw
    LabelInput = Off
    LabelFolds = 2
    Consistency = None
    ReliableLabels = None
}

let private compute = Golden.cpu Precision.Float32

let private inputs = TinyTask.inputs TinyTask.features

let private withLabels: NodeInputs =
    let nobody: Posterior<Lm> = Posterior.uniform TinyTask.nodes TinyTask.classes

    {
        inputs with
            Labels = LabelInput.rows GoldOnly 2 TinyTask.key TinyTask.supervision nobody
    }

let private fit recipe (inputs: NodeInputs) epochs =
    use graph = GraphTensors.ofCsr torch.CPU TinyTask.edges
    let gnn = GraphModel.ofRecipe recipe inputs TinyTask.classes |> GnnConfig.gnn
    let stage = TinyTask.stage TinyTask.key { TinyTask.recipe with Epochs = epochs }
    GraphModel.initial TinyTask.key gnn |> GraphModel.fit compute gnn stage graph inputs

[<Fact>]
let ``every model learns a task that is there to be learnt, the same bits twice, and leaves no tensor behind`` () =
    let live () = DisposeScopeManager.Statistics.ThreadTotalLiveCount

    for model in models do
        let before = live ()
        let phi, p = fit (recipe model) inputs 60.0
        let accuracy = Predictions.onValidation TinyTask.validation p |> Metrics.accuracy
        Assert.True((accuracy >= 0.8), $"%O{model} has an accuracy of %g{accuracy}")
        Assert.True(TinyTask.areEqual phi (fst (fit (recipe model) inputs 60.0)), $"%O{model} differs")
        Assert.Equal(before, live ())

[<Fact>]
let ``every model trains under consistency, the same bits twice, and leaves no tensor behind`` () =
    let live () = DisposeScopeManager.Statistics.ThreadTotalLiveCount

    let consistency =
        Consistency.ofRecipe TinyTask.supervision {
            ConsistencyRecipe.published with
                Weight = 1.0
                WarmUp = 5
                ReselectEvery = 5
                FirstThreshold = 0.5
                LastThreshold = 0.4
        }

    for model in models do
        let before = live ()

        let fit consistency =
            use graph = GraphTensors.ofCsr torch.CPU TinyTask.edges

            let recipe = {
                recipe model with
                    LabelInput = GoldOnly
            }

            let gnn = GraphModel.ofRecipe recipe withLabels TinyTask.classes |> GnnConfig.gnn
            let stage = TinyTask.stage TinyTask.key { TinyTask.recipe with Epochs = 12.0 }

            GraphModel.initial TinyTask.key gnn
            |> GraphModel.fitWith consistency compute gnn stage graph withLabels
            |> fst

        let phi = fit (Some consistency)
        Assert.True(TinyTask.areEqual phi (fit (Some consistency)), $"%O{model} differs")
        Assert.False(TinyTask.areEqual phi (fit None), $"%O{model} has no consistency")
        Assert.Equal(before, live ())

[<Fact>]
let ``every model comes back from disk as it was, and says the same`` () =
    for model in models do
        use folder = new TemporaryFolder()
        use graph = GraphTensors.ofCsr torch.CPU TinyTask.edges

        let recipe = {
            recipe model with
                LabelInput = GoldOnly
        }

        let phi, p = fit recipe withLabels 2.0

        GraphCheckpoint.save (folder.File "gnn") {
            Config = GraphModel.ofRecipe recipe withLabels TinyTask.classes
            Weights = phi
            ClassNames = [| "a"; "b"; "c" |]
            Ids = Array.init TinyTask.nodes string
            Edges = TinyTask.edges
            Inputs = withLabels
            Features = Raw
            Lm = None
        }

        let again = GraphCheckpoint.load (folder.File "gnn") |> Result.orRaise
        Assert.Equal(GraphModel.ofRecipe recipe withLabels TinyTask.classes, again.Config)
        Assert.Equal(p, GraphModel.predict compute (GnnConfig.gnn again.Config) graph again.Inputs again.Weights)

[<Fact>]
let ``every field of a recipe is another model where the model has it`` () =
    let changes = [
        "layers",
        [
            GnnModel.Mlp
            GnnModel.Gcn
            GnnModel.Sage
            GnnModel.Gat
            GnnModel.Gatv2
            GnnModel.Appnp
            GnnModel.Sign
            GnnModel.RevGat
            GnnModel.Gamlp
            GnnModel.Sagn
        ],
        fun (r: GnnRecipe) -> { r with Layers = Some 5 }
        "heads",
        [ GnnModel.Gat; GnnModel.Gatv2; GnnModel.RevGat; GnnModel.Sagn ],
        fun (r: GnnRecipe) -> { r with Heads = Some 4 }
        "hops",
        [ GnnModel.Appnp; GnnModel.Sgc; GnnModel.Sign; GnnModel.Gamlp; GnnModel.Sagn ],
        fun (r: GnnRecipe) -> { r with Hops = Some 1 }
        "alpha", [ GnnModel.Appnp; GnnModel.Gamlp ], fun (r: GnnRecipe) -> { r with Alpha = Some 0.3 }
        "aggregator",
        [ GnnModel.Sage ],
        fun (r: GnnRecipe) -> {
            r with
                Aggregator = Some Aggregator.Max
        }
        "edgeDropout", [ GnnModel.RevGat ], fun (r: GnnRecipe) -> { r with EdgeDropout = Some 0.1 }
        "attentionDropout",
        [ GnnModel.Gat; GnnModel.Gatv2; GnnModel.RevGat; GnnModel.Gamlp; GnnModel.Sagn ],
        fun (r: GnnRecipe) -> { r with AttentionDropout = Some 0.1 }
        "inputDropout", models, fun (r: GnnRecipe) -> { r with InputDropout = Some 0.15 }
        "batchNorm",
        [ GnnModel.Mlp; GnnModel.Gcn; GnnModel.Sage ],
        fun (r: GnnRecipe) -> { r with BatchNorm = Some false }
    ]

    for field, havers, change in changes do
        for model in models do
            let config recipe = GnnConfig.ofRecipe recipe 8 0 3
            let differs = config (recipe model) <> config (change (recipe model))
            Assert.True((differs = List.contains model havers), $"%s{field} of %O{model}")

[<Fact>]
let ``a node's logits depend on the nodes within reach of the model and on no other`` () =
    // What one layer, or one hop, sees on a path of ten nodes from its end.
    for model, reach in
        [
            GnnModel.Mlp, 0
            GnnModel.Sage, 2
            GnnModel.Gat, 2
            GnnModel.Gatv2, 2
            GnnModel.Sgc, 2
            GnnModel.Sign, 3
            GnnModel.Sagn, 3
            GnnModel.Gamlp, 5
            GnnModel.RevGat, 6
        ] do
        use _ = torch.NewDisposeScope()
        use graph = GraphTensors.ofCsr torch.CPU (Csr.symmetric 10 [ for i in 0..8 -> struct (i, i + 1) ])
        // RevGAT of 4 layers: a convolution, two blocks whose second halves see what the first have seen, a convolution.
        let recipe =
            if model = GnnModel.RevGat then
                { recipe model with Layers = Some 4 }
            else
                recipe model

        let gnn = GnnConfig.ofRecipe recipe 8 0 3 |> GnnConfig.gnn
        use p = Parameters.Create(compute, Gnn.role gnn, GraphModel.initial TinyTask.key gnn)
        use generator = Generator.ofKey TinyTask.key
        let x = torch.randn ([| 10L; 8L |], generator = generator)
        let changed = x.clone ()
        changed.narrow(0L, 9L, 1L).add_(torch.ones [| 1L; 8L |]) |> ignore
        let logits x = Gnn.forward gnn p Evaluating graph (Dense x) |> Golden.floats |> Array.chunkBySize 3
        let same = Array.map2 (=) (logits x) (logits changed)
        Assert.Equal<bool[]>(Array.init 10 (fun i -> 9 - i > reach), same)

let private representations model (phi: Weights) =
    use graph = GraphTensors.ofCsr torch.CPU TinyTask.edges
    let gnn = GraphModel.ofRecipe (recipe model) inputs TinyTask.classes |> GnnConfig.gnn
    GraphModel.representations compute gnn graph inputs phi

[<Fact>]
let ``every model represents each node by numbers of its own, and leaves no tensor behind`` () =
    let live () = DisposeScopeManager.Statistics.ThreadTotalLiveCount

    for model in models do
        let phi, _ = fit (recipe model) inputs 3.0
        let before = live ()
        let rows = representations model phi
        Assert.Equal(TinyTask.nodes, rows.Count)
        Assert.True(rows.Width > TinyTask.classes, $"%O{model} shows %d{rows.Width} columns: its logits")
        Assert.True(Array.forall System.Single.IsFinite (rows.ToArray()), $"%O{model}")
        Assert.True((representations model phi = rows), $"%O{model} differs")
        Assert.Equal(before, live ())

[<Theory>]
[<InlineData("mlp", "lins.1.weight", "lins.1.bias")>]
[<InlineData("sgc", "lin.weight", "lin.bias")>]
[<InlineData("gcn", "conv2.lin.weight", "conv2.bias")>]
let ``a model's last layer makes its classes of its representations`` (name, weight: string, bias: string) =
    let model =
        models
        |> List.find (fun model -> (string model).Equals(name, System.StringComparison.OrdinalIgnoreCase))

    let phi, p = fit (recipe model) inputs 3.0
    use _ = torch.NewDisposeScope()
    use graph = GraphTensors.ofCsr torch.CPU TinyTask.edges
    let h = representations model phi |> Vectors.toTensor torch.CPU
    let made = torch.nn.functional.linear (h, Weight.toTensor phi[weight])
    let spread = if model = GnnModel.Gcn then graph.Symmetric.Propagate made else made
    let logits = spread.add(Weight.toTensor phi[bias]).contiguous().data<float32>().ToArray()
    let expected: Posterior<Gnn> = Posterior.ofLogits TinyTask.classes logits

    for i in 0 .. TinyTask.nodes - 1 do
        for k in 0 .. TinyTask.classes - 1 do
            let row: Posterior<Gnn> -> float32 = fun posterior -> posterior.Row(i * 1<node>)[k]
            Assert.Equal(row expected, row p, 1e-5f)

[<Fact>]
let ``a network that names no representation is represented by its logits`` () =
    let phi, p = fit (recipe GnnModel.Mlp) inputs 3.0
    use graph = GraphTensors.ofCsr torch.CPU TinyTask.edges
    let mlp = GraphModel.ofRecipe (recipe GnnModel.Mlp) inputs TinyTask.classes |> GnnConfig.gnn

    let silent = {
        mlp with
            Forward = fun pass graph x -> mlp.Forward (pass.At(0L, true)) graph x
    }

    let logits = (GraphModel.representations compute silent graph inputs phi).ToArray()
    Assert.Equal(p, Posterior.ofLogits TinyTask.classes logits)
