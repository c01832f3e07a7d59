module Glem.Neural.Tests.StudentTests

open System
open Glem
open TorchSharp
open Xunit

let private precisions = [ Precision.Float32; Precision.BFloat16 ]
let private short = { TinyTask.recipe with Epochs = 1.0 }

[<Fact>]
let ``the same key trains the same language model, bit for bit, in either precision`` () =
    for precision in precisions do
        let fit key = TinyTask.fitLm (Golden.cpu precision) key short
        let first, q = fit TinyTask.key
        let again, qAgain = fit TinyTask.key
        let other, _ = fit (Key.ofSeed 12)
        Assert.True(TinyTask.areEqual first.Weights again.Weights)
        Assert.Equal(first.Embeddings, again.Embeddings)
        Assert.Equal(q, qAgain)
        Assert.False(TinyTask.areEqual first.Weights other.Weights)

[<Fact>]
let ``the same key trains the same graph model, bit for bit, in either precision`` () =
    for precision in precisions do
        let fit key = TinyTask.fitGnn (Golden.cpu precision) key { short with Epochs = 5.0 } TinyTask.features
        let first, p = fit TinyTask.key
        let again, pAgain = fit TinyTask.key
        let other, _ = fit (Key.ofSeed 12)
        Assert.True(TinyTask.areEqual first again)
        Assert.Equal(p, pAgain)
        Assert.False(TinyTask.areEqual first other)

[<Fact>]
let ``the same key plays the same masking game, bit for bit, in either precision`` () =
    for precision in precisions do
        let play key =
            let encoder = LanguageModel.initialEncoder key TinyTask.lm

            MaskedLanguageModel.pretrain
                (Golden.cpu precision)
                TinyTask.lm
                TinyTask.masking
                0.15
                short
                key
                ignore
                TinyTask.texts
                encoder

        Assert.True(TinyTask.areEqual (play TinyTask.key) (play TinyTask.key))
        Assert.False(TinyTask.areEqual (play TinyTask.key) (play (Key.ofSeed 12)))

/// Share of all nodes, held-out ones included, whose likeliest class is theirs.
let private accuracy (posterior: Posterior<'s>) =
    Posterior.argmax posterior
    |> Array.indexed
    |> Array.averageBy (fun (i, k) -> if int k = i % TinyTask.classes then 1.0 else 0.0)

[<Fact>]
let ``both students learn a task that is there to be learnt, in either precision`` () =
    for precision in precisions do
        let compute = Golden.cpu precision
        let _, q = TinyTask.fitLm compute TinyTask.key { TinyTask.recipe with Epochs = 20.0 }
        Assert.InRange(accuracy q, 0.8, 1.0)
        let _, p = TinyTask.fitGnn compute TinyTask.key { TinyTask.recipe with Epochs = 50.0 } TinyTask.features
        Assert.InRange(accuracy p, 0.9, 1.0)

[<Fact>]
let ``pooling on [CLS], on the mean and on the last token give different models of the same weights`` () =
    let weights =
        LanguageModel.initialEncoder TinyTask.key TinyTask.lm
        |> LanguageModel.withNewHead TinyTask.key TinyTask.lm

    let say pooling =
        LanguageModel.predict
            (Golden.cpu Precision.Float32)
            { TinyTask.lm with Pooling = pooling }
            weights
            TinyTask.texts

    for a, b in [ Cls, Mean; Mean, Last; Last, Cls ] do
        Assert.False(Posterior.isClose 1e-4 (say a) (say b))

[<Fact>]
let ``each pooling takes its rows of each text, and none of the filler's`` () =
    use _ = torch.NewDisposeScope()
    let batch = PackedBatch.ofSequences torch.CPU TinyTask.texts
    let t = int batch.Ids.shape[0]
    Assert.NotEqual(t, batch.Bounds[TinyTask.nodes])
    // The state of row i is i.
    let states = torch.arange(int64 t).``to``(torch.ScalarType.Float32).reshape([| int64 t; 1L |])
    let pooled pooling = LanguageModel.pool pooling batch states |> Golden.floats
    let first, next = batch.Bounds[.. TinyTask.nodes - 1], batch.Bounds[1 .. TinyTask.nodes]
    Assert.Equal<float32>(first |> Array.map float32, pooled Cls)
    Assert.Equal<float32>(next |> Array.map (fun bound -> float32 (bound - 1)), pooled Last)
    let means = Array.map2 (fun first next -> float32 (first + next - 1) / 2f) first next
    Golden.agree "means" 1e-4 1e-6 means (pooled Mean)

[<Fact>]
let ``what the language model says of a text does not depend on the other texts`` () =
    let compute = Golden.cpu Precision.Float32

    for pooling in [ Cls; Mean; Last ] do
        let model = { TinyTask.lm with Pooling = pooling }

        let weights =
            LanguageModel.initialEncoder TinyTask.key model |> LanguageModel.withNewHead TinyTask.key model

        let together = LanguageModel.predict compute model weights TinyTask.texts

        TinyTask.texts
        |> Array.iteri (fun i text ->
            let alone = LanguageModel.predict compute model weights [| text |]
            Golden.agree $"text %d{i}" 1e-5 0.0 (together.Row(i * 1<node>).ToArray()) (alone.Row(0<node>).ToArray()))

[<Fact>]
let ``a stage's answer is its best checkpoint's: predicting with the weights gives the posterior`` () =
    let compute = Golden.cpu Precision.Float32
    let fit, q = TinyTask.fitLm compute TinyTask.key short
    Assert.Equal(q, LanguageModel.predict compute TinyTask.lm fit.Weights TinyTask.texts)
    let phi, p = TinyTask.fitGnn compute TinyTask.key short TinyTask.features
    use graph = GraphTensors.ofCsr torch.CPU TinyTask.edges
    Assert.Equal(p, GraphModel.predict compute TinyTask.gcn graph (TinyTask.inputs TinyTask.features) phi)

[<Fact>]
let ``a diverging stage stops with its name and never answers`` () =
    let wild = {
        short with
            Epochs = 50.0
            Optimiser = {
                short.Optimiser with
                    LearningRate = 1e30
                    ClipNorm = 0.0
                    WarmUp = 0.0
            }
    }

    let problem =
        Assert.Throws<GlemException>(fun () ->
            TinyTask.fitLm (Golden.cpu Precision.Float32) TinyTask.key wild |> ignore)

    Assert.Contains("the test's stage", problem.Message)

[<Fact>]
let ``the students leave no tensor behind`` () =
    let live () = DisposeScopeManager.Statistics.ThreadTotalLiveCount

    for precision in precisions do
        let compute = Golden.cpu precision
        let before = live ()
        let lm, _ = TinyTask.fitLm compute TinyTask.key short
        TinyTask.fitGnn compute TinyTask.key short (lm.Embeddings.ToArray()) |> ignore
        LanguageModel.predict compute TinyTask.lm lm.Weights TinyTask.texts |> ignore

        MaskedLanguageModel.pretrain
            compute
            TinyTask.lm
            TinyTask.masking
            0.15
            short
            TinyTask.key
            ignore
            TinyTask.texts
            lm.Weights
        |> ignore

        Assert.Equal(before, live ())
