/// Training on samples of a graph, and answering layer by layer.
module Glem.Neural.Tests.SampledTrainingTests

open System
open System.Collections.Generic
open FsCheck
open Glem
open TorchSharp
open Xunit

let private compute = Golden.cpu Precision.Float32

let private models = [ GnnModel.Mlp; GnnModel.Gcn; GnnModel.Sage; GnnModel.Gat; GnnModel.Gatv2 ]

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
    Consistency = None
    ReliableLabels = None
    Features = Raw
    LabelInput = Off
    LabelFolds = 2
}

/// The networks of layers, one with maxima among them.
let private recipes layers = [
    for model in models do
        {
            recipe model with
                Layers = Some layers
        }

    {
        recipe GnnModel.Sage with
            Layers = Some layers
            Aggregator = Some Aggregator.Max
    }
]

let private gnn recipe features = GnnConfig.ofRecipe recipe features 0 3 |> GnnConfig.gnn

/// Weights that are all different from where they start, running statistics and biases too.
let private weights (random: Random) (gnn: Gnn) : Weights =
    GraphModel.initial (Key.ofSeed 5) gnn
    |> Seq.map (fun pair ->
        let moved = pair.Value.Values |> Array.map (fun value -> value + 0.3f * random.NextSingle())
        KeyValuePair(pair.Key, { pair.Value with Values = moved }))
    |> Dictionary
    :> Weights

let private features = 6

let private inputs (random: Random) n : NodeInputs = {
    Features = Vectors.ofArray features (Array.init (n * features) (fun _ -> random.NextSingle() - 0.5f))
    Labels = None
}

let private randomGraph (random: Random) n =
    Csr.symmetric
        n
        (seq {
            for _ in 1 .. random.Next(4 * n) do
                struct (random.Next n, random.Next n)
        })

let private rows inputs = NodeRows.ofInputs torch.CPU inputs (fun _ -> false)

/// A random case: graph, inputs, weights and the logits of the whole graph at once.
let private withCase recipe seed (test: Gnn -> Csr -> NodeInputs -> Parameters -> float32[] -> unit) =
    use _ = torch.NewDisposeScope()
    let random = Random seed
    let n = random.Next(1, 30)
    let edges, inputs = randomGraph random n, inputs random n
    let gnn = gnn recipe features
    use graph = GraphTensors.ofCsr torch.CPU edges
    use p = Parameters.Create(compute, Gnn.role gnn, weights random gnn)
    use _ = torch.no_grad ()
    let whole = Gnn.forward gnn p Evaluating graph (Dense(Vectors.toTensor torch.CPU inputs.Features))
    test gnn edges inputs p (Golden.floats whole)

[<Fact>]
let ``layer by layer, in blocks of any size, is the whole graph at once`` () =
    Check.One(
        Config.QuickThrowOnFailure.WithMaxTest 20,
        fun (seed: int) ->
            for recipe in recipes 3 do
                withCase recipe seed (fun gnn edges inputs p whole ->
                    let all = Array.init edges.NodeCount id

                    for most in [ 1; 7; 40; LayerwiseInference.blockSize ] do
                        LayerwiseInference.logitsBy
                            most
                            compute
                            (Gnn.layers gnn |> Result.orRaise)
                            edges
                            p
                            (rows inputs)
                            all
                        |> Golden.agree $"%O{recipe.Model} in blocks of %d{most}" 1e-5 1e-5 whole)
    )

[<Fact>]
let ``a sample of all neighbours answers for its targets what the whole graph does`` () =
    Check.One(
        Config.QuickThrowOnFailure.WithMaxTest 20,
        fun (seed: int) ->
            for recipe in recipes 3 do
                withCase recipe seed (fun gnn edges inputs p whole ->
                    let targets = Array.init edges.NodeCount id |> Key.shuffle (Key.ofSeed seed) |> Array.truncate 5
                    let sampled = NeighbourSampler.sample edges [ -1; -1; -1 ] (Key.ofSeed seed) targets
                    let x = rows inputs sampled.Nodes

                    let expected = targets |> Array.collect (fun node -> Array.sub whole (node * 3) 3)

                    SampledTraining.forward
                        torch.CPU
                        (Gnn.layers gnn |> Result.orRaise)
                        (GnnPass(p, Evaluating))
                        sampled
                        x
                    |> Golden.floats
                    |> Golden.agree (string recipe.Model) 1e-5 1e-5 expected)
    )

[<Fact>]
let ``what a layer of sums or means says of a sample is what it says of the graph, on average`` () =
    for model in [ GnnModel.Gcn; GnnModel.Sage ] do
        withCase { recipe model with Layers = Some 1 } 12 (fun gnn edges inputs p whole ->
            let draws = 4000
            let target = Array.init edges.NodeCount id |> Array.maxBy (fun node -> edges.Degree(node * 1<node>))
            Assert.True(edges.Degree(target * 1<node>) > 4)
            let sums = Array.zeroCreate<float> 3

            for draw in 1..draws do
                let sampled = NeighbourSampler.sample edges [ 2 ] (Key.ofSeed draw) [| target |]

                Scope.freeingAll (fun () ->
                    rows inputs sampled.Nodes
                    |> SampledTraining.forward
                        torch.CPU
                        (Gnn.layers gnn |> Result.orRaise)
                        (GnnPass(p, Evaluating))
                        sampled
                    |> Golden.floats)
                |> Array.iteri (fun k logit -> sums[k] <- sums[k] + float logit)

            let mean = sums |> Array.map (fun sum -> float32 (sum / float draws))
            Golden.agree (string model) 0.02 0.0 (Array.sub whole (target * 3) 3) mean)

/// Layers that tell how many rows, or what rows, they are given.
let private watched (see: GraphTensors -> Tensor -> unit) (gnn: Gnn) =
    let layers =
        (Gnn.layers gnn |> Result.orRaise)
        |> List.map (fun layer pass graph x ->
            see graph (NodeFeatures.toDense x)
            layer pass graph x)

    Gnn.ofLayers gnn.Classes gnn.Weights layers

[<Fact>]
let ``a layer is given one block at a time, however many nodes there are`` () =
    use _ = torch.NewDisposeScope()

    let gnn =
        gnn
            {
                recipe GnnModel.Sage with
                    Layers = Some 3
            }
            features

    use p = Parameters.Create(compute, Gnn.role gnn, GraphModel.initial TinyTask.key gnn)

    for n in [ 100; 1000 ] do
        let edges = Csr.symmetric n [ for i in 0 .. n - 1 -> struct (i, (i + 1) % n) ]
        let seen = List<int64>()
        let see _ (x: Tensor) = seen.Add x.shape[0]

        let layers = (watched see gnn |> Gnn.layers |> Result.orRaise)

        LayerwiseInference.logitsBy 64 compute layers edges p (rows (inputs (Random 3) n)) [| 0 .. n - 1 |]
        |> ignore

        Assert.InRange(Seq.max seen, 2L, 64L)
        // Three layers, three rows and in-edges a node.
        Assert.True((seen.Count >= 3 * 3 * n / 64), $"%d{seen.Count} blocks of %d{n} nodes")

let private fit recipe fanOuts (inputs: NodeInputs) (fit: FitRecipe) =
    let gnn = GraphModel.ofRecipe recipe inputs TinyTask.classes |> GnnConfig.gnn
    let stage = TinyTask.stage TinyTask.key fit

    GraphModel.initial TinyTask.key gnn
    |> SampledTraining.fitWith None compute gnn fanOuts stage TinyTask.edges inputs

let private tiny = TinyTask.inputs TinyTask.features

let private withLabels: NodeInputs =
    let nobody: Posterior<Lm> = Posterior.uniform TinyTask.nodes TinyTask.classes

    {
        tiny with
            Labels = LabelInput.rows GoldOnly 2 TinyTask.key TinyTask.supervision nobody
    }

[<Fact>]
let ``every network of layers learns from samples, the same bits twice, and leaves no tensor behind`` () =
    let live () = DisposeScopeManager.Statistics.ThreadTotalLiveCount

    for model in models do
        for inputs in [ tiny; withLabels ] do
            let before = live ()
            let fit () = fit (recipe model) [ 2; 1 ] inputs { TinyTask.recipe with Epochs = 40.0 }
            let phi, p = fit ()
            let accuracy = Predictions.onValidation TinyTask.validation p |> Metrics.accuracy
            Assert.True((accuracy >= 0.8), $"%O{model} has an accuracy of %g{accuracy}")
            let again, q = fit ()
            Assert.True(TinyTask.areEqual phi again, $"%O{model} differs")
            Assert.Equal(p, q)
            Assert.Equal(before, live ())

[<Fact>]
let ``with all neighbours, all targets and no dropout it is training on the whole graph, but for rounding`` () =
    use graph = GraphTensors.ofCsr torch.CPU TinyTask.edges

    for model in models do
        let recipe = {
            recipe model with
                Dropout = 0.0
                BatchNorm = Some false // whose batch is what a layer computes: fewer rows in a sample
        }

        let gnn = GraphModel.ofRecipe recipe tiny TinyTask.classes |> GnnConfig.gnn
        let start = GraphModel.initial TinyTask.key gnn

        let losses (train: Stage -> Weights * Posterior<Gnn>) = [|
            let seen = List<float32>()

            let stage =
                TinyTask.stage TinyTask.key {
                    TinyTask.recipe with
                        Epochs = 10.0
                        Batch = 0
                }

            train {
                stage with
                    Watch = fun state -> seen.Add(float32 state.Loss)
            }
            |> ignore

            yield! seen
        |]

        let whole = losses (fun stage -> GraphModel.fit compute gnn stage graph tiny start)

        losses (fun stage -> SampledTraining.fitWith None compute gnn [ -1; -1 ] stage TinyTask.edges tiny start)
        |> Golden.agree (string model) 1e-4 1e-4 whole

[<Fact>]
let ``the answer is the same bits where layers lie in a file, and the whole graph's at once but for rounding`` () =
    use folder = new TemporaryFolder()

    let inFile = {
        compute with
            Memory = {
                Vectors = 0L
                Folder = folder.File "vectors"
            }
    }

    use graph = GraphTensors.ofCsr torch.CPU TinyTask.edges

    for model in models do
        for inputs in [ tiny; withLabels ] do
            let gnn = GraphModel.ofRecipe (recipe model) inputs TinyTask.classes |> GnnConfig.gnn
            let phi, p = fit (recipe model) [ -1; 2 ] inputs { TinyTask.recipe with Epochs = 2.0 }
            Assert.Equal(p, LayerwiseInference.predict inFile gnn TinyTask.edges inputs phi)
            let whole = GraphModel.predict compute gnn graph inputs phi
            Golden.agree (string model) 1e-5 1e-5 (whole.Logits.ToArray()) (p.Logits.ToArray())

[<Fact>]
let ``no target of a step and no node that is answered for sees its own label`` () =
    let d = tiny.Width
    let own, others = List<int64>(), List<int64>()

    let see (graph: GraphTensors) (x: Tensor) =
        let labels = x.narrow (1L, int64 d, int64 TinyTask.classes)
        let count (rows: Tensor) = rows.count_nonzero().item<int64>()
        let ofTargets = labels.narrow (0L, 0L, int64 graph.TargetCount) |> count
        own.Add ofTargets
        others.Add(count labels - ofTargets)

    // One layer: its targets are the nodes that learn, or are answered for.
    let gnn =
        {
            recipe GnnModel.Sage with
                Layers = Some 1
        }
        |> fun recipe -> GraphModel.ofRecipe recipe withLabels TinyTask.classes
        |> GnnConfig.gnn
        |> watched see

    let stage = TinyTask.stage TinyTask.key { TinyTask.recipe with Batch = 0 }

    GraphModel.initial TinyTask.key gnn
    |> SampledTraining.fitWith None compute gnn [ 3 ] stage TinyTask.edges withLabels
    |> ignore

    Assert.All(own, (fun labels -> Assert.Equal(0L, labels)))
    Assert.True(Seq.sum others > 0L)

[<Fact>]
let ``a step takes no more targets than the recipe's batch, and every epoch takes all of them`` () =
    let gnn =
        gnn
            {
                recipe GnnModel.Sage with
                    Layers = Some 1
            }
            tiny.Width

    let batches = List<int>()

    let see (graph: GraphTensors) (_: Tensor) =
        if torch.is_grad_enabled () then
            batches.Add graph.TargetCount

    for batch, expected in [ 8, [ 6; 6; 6 ]; 0, [ 18 ]; 17, [ 9; 9 ] ] do
        batches.Clear()

        let stage =
            TinyTask.stage TinyTask.key {
                TinyTask.recipe with
                    Epochs = 1.0
                    Batch = batch
            }

        GraphModel.initial TinyTask.key gnn
        |> SampledTraining.fitWith None compute (watched see gnn) [ 3 ] stage TinyTask.edges tiny
        |> ignore

        Assert.Equal<int>(expected, batches)

[<Fact>]
let ``a lone target is normalised by the running statistics, and moves none`` () =
    // Without edges every layer of a step with one target has one row.
    let alone = Csr.symmetric TinyTask.nodes []
    let stage = TinyTask.stage TinyTask.key { TinyTask.recipe with Batch = 1 }

    for model in models do
        let gnn = GraphModel.ofRecipe (recipe model) tiny TinyTask.classes |> GnnConfig.gnn
        let start = GraphModel.initial TinyTask.key gnn
        let phi, p = SampledTraining.fitWith None compute gnn [ 2; 2 ] stage alone tiny start
        Assert.All(p.Logits.ToArray(), (fun z -> Assert.True(Single.IsFinite z, $"%O{model} answers %g{z}")))
        Assert.False(TinyTask.areEqual start phi, $"%O{model} learned nothing")

        for KeyValue(name, weight) in phi do
            if name.Contains "running" then
                Assert.Equal<float32>(start[name].Values, weight.Values)

[<Fact>]
let ``fan-outs that are not one for each layer, or for a network without layers, are refused`` () =
    let refused model fanOuts =
        let raised =
            Assert.Throws<GlemException>(fun () -> fit (recipe model) fanOuts tiny TinyTask.recipe |> ignore)

        raised.Message

    Assert.Equal(
        "setting gnn.fanOuts: found [5], expected null, or 2 whole numbers, one for each layer",
        refused GnnModel.Gat [ 5 ]
    )

    Assert.Equal(
        "setting gnn.fanOuts: found numbers for a network that is no stack of layers over neighbours, expected null, or gnn.model one of mlp, gcn, sage, gat, gatv2",
        refused GnnModel.Appnp [ 5; 5 ]
    )
