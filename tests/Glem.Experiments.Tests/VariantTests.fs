module Glem.Experiments.Tests.VariantTests

open System.IO
open Glem
open TorchSharp
open Xunit

let private compute: Compute = {
    Device = torch.CPU
    Precision = Precision.Float32
    Memory = MemoryBudget.standard ()
}

let private withSettings (settings: string) =
    (Ok Colours.recipe, settings.Split ' ')
    ||> Seq.fold (fun recipe setting -> recipe |> Result.bind (Settings.set setting))
    |> Result.bind Recipe.validate

let private prepare watch recipe = Study.prepare compute watch recipe Colours.dataset.Value 5

/// What each step of EM said of every node.
let private em (settings: string) =
    use study = withSettings settings |> Result.bind (prepare (fun _ _ -> ())) |> Result.orRaise
    let encoder = Study.pretrainEncoder study
    let lm = Study.lmOnGold study encoder
    let gnn = Study.gnnOnEmbeddings study lm

    [
        for state in Study.em study encoder lm gnn do
            match Em.fitted state with
            | FittedQ(_, _, q) -> q.Rows.ToArray()
            | FittedP(_, _, p) -> p.Rows.ToArray()
            | Fitted.Pretrained -> ()
    ]

let private plain = lazy (em "rounds=2")

[<Theory>]
[<InlineData "eStep.pseudoWeight=[0.9,0.1]">]
[<InlineData "eStep.temperature=[1,0.1]">]
[<InlineData "eStep.teacher=shuffled">]
[<InlineData "eStep.teacher=itself">]
[<InlineData "eStep.teacher=oracle">]
[<InlineData "mStep.teacher=shuffled mStep.pseudoWeight=0.5">]
[<InlineData "mStep.teacher=itself mStep.pseudoWeight=0.5">]
[<InlineData "mStep.teacher=oracle mStep.pseudoWeight=0.5">]
[<InlineData "eStep.labels=hard">]
[<InlineData "mStep.labels=sampled mStep.pseudoWeight=0.5">]
[<InlineData "eStep.divergence=studentToTeacher">]
[<InlineData "eStep.divergence=jensenShannon eStep.labels=hard">]
[<InlineData "eStep.pseudoSmoothing=0.2">]
[<InlineData "eStep.pool=heldOut eStep.filter.top=0.9">]
[<InlineData "eStep.pool=validationOnly">]
[<InlineData "mStep.filter.top=0.5 mStep.sureness=margin mStep.pseudoWeight=0.5">]
[<InlineData "eStep.filter.atLeast=0.99">]
[<InlineData "eStep.filter.balanced=0.6 eStep.sureness=negativeEntropy">]
[<InlineData "eStep.sampling.window=0.25">]
[<InlineData "eStep.sampling.eachEpoch=0.25">]
[<InlineData "mStep.sampling.eachEpoch=0.25 mStep.pseudoWeight=0.5">]
[<InlineData "reduction=sums">]
[<InlineData "reduction=certaintyMeans">]
[<InlineData "lm.embedding=cls">]
[<InlineData "lm.pooling=cls">]
[<InlineData "lm.embedding=last">]
[<InlineData "lm.pooling=last">]
[<InlineData "lm.projection=5">]
[<InlineData "lm.freeze.encoder=true lm.tokenDropout=0">]
[<InlineData "lm.freeze.encoder=true lm.tokenDropout=0 lm.projection=5 eStep.start=scratch">]
[<InlineData "gnn.features=raw">]
[<InlineData "gnn.features=both">]
[<InlineData "gnn.features=previousEmbeddings">]
[<InlineData "gnn.labelInput=goldAndTeacher">]
[<InlineData "gnn.labelInput=teacherOnly gnn.labelFolds=2">]
[<InlineData "gnn.labelInput=goldOnly">]
[<InlineData "eStep.start=scratch">]
[<InlineData "mStep.start=previous">]
[<InlineData "mlm.fit.epochs=0">]
[<InlineData "lmFit.epochs=0">]
[<InlineData "order=gnnFirst">]
let ``every variant runs, keeps its rows on the simplex, and makes a difference`` (settings: string) =
    let made = em settings
    Assert.Equal(4, made.Length)

    for rows in made do
        Assert.All(rows |> Array.chunkBySize 3, fun row -> Assert.Equal(1.0, Array.sumBy float row, 1e-5))

    Assert.NotEqual<float32[] list>(plain.Value, made)

[<Theory>]
[<InlineData "eStep.filter.top=1">]
[<InlineData "eStep.filter.atLeast=0">]
[<InlineData "eStep.sampling.window=1000">]
[<InlineData "mStep.sampling.eachEpoch=1000">]
[<InlineData "eStep.pseudoWeight=[0.5,0.5]">]
[<InlineData "convergence.patience=9">]
[<InlineData "lm.gradientCheckpointing=true">]
let ``a variant that changes nothing changes no bit`` (settings: string) =
    Assert.Equal<float32[] list>(plain.Value, em settings)

[<Fact>]
let ``EM stops where it moves no more, and at its last round at the latest`` () =
    Assert.Equal(4, (em "rounds=2 convergence.epsilon=1").Length)
    Assert.Equal(4, (em "rounds=9 convergence.epsilon=1").Length)
    Assert.Equal(10, (em "rounds=5 convergence.epsilon=1e-12").Length)

[<Theory>]
[<InlineData("eStep.labels=hard eStep.divergence=studentToTeacher", "eStep.divergence")>]
[<InlineData("eStep.pseudoWeight=[0.5,1.5]", "eStep.pseudoWeight")>]
[<InlineData("eStep.pseudoWeight=[]", "eStep.pseudoWeight")>]
[<InlineData("mStep.sampling.window=-1", "mStep.sampling.window")>]
[<InlineData("gnn.labelFolds=1", "gnn.labelFolds")>]
[<InlineData("lm.projection=-1", "lm.projection")>]
[<InlineData("lm.freeze.encoder=true", "lm.tokenDropout")>]
[<InlineData("lm.freeze.encoder=true lm.tokenDropout=0 lm.lora.rank=2", "lm.lora.rank")>]
[<InlineData("lmFit.epochs=0 order=gnnFirst", "lmFit.epochs")>]
[<InlineData("lmFit.epochs=0 gnn.labelInput=teacherOnly", "lmFit.epochs")>]
let ``what cannot be is refused by path`` (settings: string, key: string) =
    match withSettings settings with
    | Ok _ -> failwith "expected an error"
    | Error error -> Assert.Contains(key, GlemError.message error)

[<Fact>]
let ``a list of nodes is a pool, and an id in it that cannot be taught is an error of its line`` () =
    let file = Path.GetTempFileName()

    let prepareWith (lines: string list) =
        File.WriteAllLines(file, lines)

        let recipe = {
            Colours.recipe with
                EStep = {
                    Colours.recipe.EStep with
                        Pool = PoolRecipe.Listed file
                }
        }

        prepare (fun _ _ -> ()) recipe
        |> Result.map (fun study ->
            use study = study
            (Study.steps study).E.Teaching.Pool |> Array.map int)

    let refuses (words: string list) result =
        match result with
        | Ok _ -> failwith "expected an error"
        | Error error ->
            for word in words do
                Assert.Contains(word, GlemError.message error)

    try
        let ids part = [
            for node in Colours.records.Nodes do
                if node.Part = part then
                    node.Id
        ]

        match prepareWith (ids Test) with
        | Ok pool -> Assert.Equal((ids Test).Length, pool.Length)
        | Error error -> failwith (GlemError.message error)

        prepareWith [ (ids Test).Head; ""; "nobody" ] |> refuses [ "line 3"; "'nobody'" ]
        prepareWith [ (ids Train).Head ] |> refuses [ "line 1"; "a training node" ]
    finally
        File.Delete file

[<Fact>]
let ``a script may filter by a function of its own`` () =
    use study = prepare (fun _ _ -> ()) Colours.recipe |> Result.orRaise
    let steps = Study.steps study
    let half = Fraction.create "half" 0.5 |> Result.orRaise

    let own = {
        steps with
            E.Teaching.Sureness = fun row -> float row[0]
            E.Teaching.Filter = Top half
    }

    let encoder = Study.pretrainEncoder study
    let lm = Study.lmOnGold study encoder
    let gnn = Study.gnnOnEmbeddings study lm

    let rows state =
        match Em.fitted state with
        | FittedQ(_, _, q) -> q.Rows.ToArray()
        | _ -> failwith "an E-step"

    let first steps = Study.emWith steps study encoder lm gnn |> Seq.head |> rows
    Assert.NotEqual<float32>(first steps, first own)
