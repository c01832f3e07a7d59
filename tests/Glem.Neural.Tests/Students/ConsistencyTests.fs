module Glem.Neural.Tests.ConsistencyTests

open System
open Glem
open TorchSharp
open Xunit

let private compute = Golden.cpu Precision.Float32

/// Starts after 4 epochs and finds everybody sure.
let private recipe = {
    ConsistencyRecipe.published with
        Weight = 0.5
        WarmUp = 4
        ReselectEvery = 3
        FirstThreshold = 0.0
        LastThreshold = 0.0
}

let private fit = { TinyTask.recipe with Epochs = 12.0 }

/// The losses of a training's steps, its weights and its posterior.
let private train (stage: Stage) supervision consistency =
    let losses = ResizeArray<float>()

    let stage = {
        stage with
            Watch = fun state -> losses.Add state.Loss
    }

    use graph = GraphTensors.ofCsr torch.CPU TinyTask.edges
    let start = GraphModel.initial TinyTask.key TinyTask.gcn
    let consistency = consistency |> Option.map (Consistency.ofRecipe supervision)

    let phi, p =
        GraphModel.fitWith consistency compute TinyTask.gcn stage graph (TinyTask.inputs TinyTask.features) start

    List.ofSeq losses, phi, p

/// Gold labels, and a language model's pseudo labels for the others.
let private withPseudoLabels =
    let random = Random 4

    let teacher: Posterior<Lm> =
        Array.init (TinyTask.nodes * TinyTask.classes) (fun _ -> float32 (6.0 * random.NextDouble()))
        |> Posterior.ofLogits TinyTask.classes

    let objective = {
        Objective.goldOnly 0.0 with
            Mix = [ Mix.create "beta" 0.5 |> Result.orRaise ]
    }

    {
        TinyTask.stage TinyTask.key fit with
            Lesson =
                Targets.ofTeacher TinyTask.supervision teacher (Pool.unlabelled TinyTask.supervision)
                |> Lesson.ofTargets objective 1
    }

[<Fact>]
let ``at weight 0 and without averaged weights, training has the bits of training without, pseudo labels or none`` () =
    let nothing = {
        recipe with
            Weight = 0.0
            EvaluationDecay = 0.0
    }

    for stage in [ TinyTask.stage TinyTask.key fit; withPseudoLabels ] do
        let losses, phi, p = train stage TinyTask.supervision None
        let lossesWith, phiWith, pWith = train stage TinyTask.supervision (Some nothing)
        Assert.Equal<float list>(losses, lossesWith)
        Assert.True(TinyTask.areEqual phi phiWith)
        Assert.Equal(p, pWith)

[<Fact>]
let ``after the warm-up, and not before, the loss is the lesson's and the weighted distance from the teacher`` () =
    let losses weight =
        let losses, _, _ = train withPseudoLabels TinyTask.supervision (Some { recipe with Weight = weight })
        losses

    let plain, once, twice = losses 0.0, losses 0.5, losses 1.0
    Assert.Equal<float list>(List.take recipe.WarmUp plain, List.take recipe.WarmUp once)
    // The first step of consistency starts from the same weights whatever the weight.
    let first = recipe.WarmUp
    let term = once[first] - plain[first]
    Assert.True(term > 1e-3)
    Assert.Equal(2.0 * term, twice[first] - plain[first], 1e-5)
    Assert.NotEqual<float list>(plain, once)

[<Fact>]
let ``a training answers with the weights that were judged: predicting with them gives the posterior`` () =
    let best = ref None

    let watch (state: TrainState) =
        if state.Validation.IsSome && state.SinceBest = 0 then
            best.Value <- state.Validation

    let stage = TinyTask.stage TinyTask.key fit
    use graph = GraphTensors.ofCsr torch.CPU TinyTask.edges
    let inputs = TinyTask.inputs TinyTask.features

    let phi, p =
        GraphModel.initial TinyTask.key TinyTask.gcn
        |> GraphModel.fitWith
            (Some(Consistency.ofRecipe TinyTask.supervision recipe))
            compute
            TinyTask.gcn
            { stage with Watch = watch }
            graph
            inputs

    Assert.Equal(p, GraphModel.predict compute TinyTask.gcn graph inputs phi)
    let scores = Predictions.onValidation TinyTask.validation p |> Metrics.scores
    Assert.Equal(best.Value, Some scores)
    let _, raw, _ = train stage TinyTask.supervision (Some { recipe with EvaluationDecay = 0.0 })
    Assert.False(TinyTask.areEqual phi raw)

/// The labels of nodes of these parts turned into others.
let private poisoned parts =
    let labels =
        Array.init TinyTask.nodes (fun i ->
            if List.contains TinyTask.split[i * 1<node>] parts then
                (i + 1) % TinyTask.classes
            else
                i % TinyTask.classes)

    Labels.ofIndices [| "a"; "b"; "c" |] labels |> Result.orRaise

[<Fact>]
let ``held-out labels touch no step, and test labels nothing at all`` () =
    let trained parts =
        let labels = poisoned parts
        let supervision = Supervision.ofSplit labels TinyTask.split |> Result.orRaise

        let stage = {
            TinyTask.stage TinyTask.key fit with
                Lesson = Targets.goldOnly supervision |> Lesson.ofTargets (Objective.goldOnly 0.0) 1
                Validation = Validation.ofSplit labels TinyTask.split |> Result.orRaise
        }

        train stage supervision (Some recipe)

    let losses, phi, p = trained []
    let lossesTest, phiTest, pTest = trained [ Test ]
    let lossesBoth, _, _ = trained [ Test; Valid ]
    let lossesTrain, _, _ = trained [ Train ]
    Assert.Equal<float list>(losses, lossesTest)
    Assert.True(TinyTask.areEqual phi phiTest)
    Assert.Equal(p, pTest)
    Assert.Equal<float list>(losses, lossesBoth)
    Assert.NotEqual<float list>(losses, lossesTrain)

[<Fact>]
let ``the sure nodes are those above the threshold, and no training node is in the pool`` () =
    let pool = (Consistency.ofRecipe TinyTask.supervision recipe).Pool
    Assert.All(pool, fun i -> Assert.NotEqual(Train, TinyTask.split[i * 1<node>]))
    Assert.Equal(12, pool.Length)
    let logits node = Array.init TinyTask.classes (fun k -> if k = 0 then float32 node / 10f else 0f)
    let p: Posterior<Gnn> = pool |> Array.collect logits |> Posterior.ofLogits TinyTask.classes
    // Confidence grows with the node; the fifth is not above itself.
    let sure = Consistency.sure (Array.item 4 (Posterior.confidence p)) pool p
    Assert.Equal<int>(pool[5..], sure)
    Assert.Empty(Consistency.sure 1.0 pool p)

/// A network of one weight vector, the logits of every node alike : [c].
let private constant =
    Gnn.ofForward TinyTask.classes [ GnnWeight.zeros "logits" TinyTask.classes ] (fun pass _ _ ->
        torch.zeros([| int64 TinyTask.nodes; int64 TinyTask.classes |]).add(pass["logits"]))

[<Fact>]
let ``where an epoch has many steps they share the sure nodes out, and each node is taught once`` () =
    use student = Parameters.Create(compute, Gnn.role constant, GraphModel.initial TinyTask.key constant)
    let pool = [| 0..9 |]
    let asked = ResizeArray<int[]>()

    use teacher =
        new MeanTeacher(
            compute,
            constant,
            TinyTask.key,
            {
                Recipe = {
                    recipe with
                        WarmUp = 1
                        ReselectEvery = 1
                }
                Pool = pool
            },
            4,
            3,
            student,
            fun _ nodes -> Array.zeroCreate (nodes.Length * TinyTask.classes)
        )

    use _ = torch.NewDisposeScope()

    let read (_: GnnPass) (nodes: int[]) : Tensor =
        asked.Add nodes
        torch.zeros ([| int64 nodes.Length; int64 TinyTask.classes |])

    for step in 0..11 do
        let taught = teacher.Teaches step
        Assert.Equal(step >= 3, taught.Length > 0)

        if taught.Length > 0 then
            teacher.Term(step, taught, torch.zeros ([| int64 taught.Length; int64 TinyTask.classes |]), read)
            |> ignore

        teacher.Follow step

    let shares = asked |> Seq.chunkBySize 3 |> List.ofSeq
    Assert.Equal(3, shares.Length)

    for epoch in shares do
        Assert.Equal<int>(pool, Array.concat epoch |> Array.sort)
        Assert.Equal<int>([ 3; 3; 4 ], epoch |> Array.map _.Length |> Array.sort)

[<Fact>]
let ``gradients of the distance are its differences, and none reaches the teacher`` () =
    use _ = torch.NewDisposeScope()
    let random = Random 12
    let numbers () = Array.init 15 (fun _ -> 4.0 * random.NextDouble() - 2.0)
    let teacher, student = numbers (), numbers ()
    let matrix (values: float[]) : Tensor = torch.tensor(values).reshape([| 5L; 3L |])

    let loss (values: float[]) = (Consistency.loss 0.5 (matrix teacher) (matrix values)).item<float>()

    let t = (matrix teacher).requires_grad_ true
    let s = (matrix student).requires_grad_ true
    (Consistency.loss 0.5 t s).backward()
    Assert.Null t.grad
    let gradient = Golden.gradient s

    for at in 0 .. student.Length - 1 do
        let moved by = student |> Array.mapi (fun i x -> if i = at then x + by else x)
        let difference = (loss (moved 1e-5) - loss (moved -1e-5)) / 2e-5
        Assert.Equal(difference, float gradient[at], 1e-6)

[<Fact>]
let ``the distance is KL from the student to the sharpened teacher, and 0 only there`` () =
    use _ = torch.NewDisposeScope()
    let row (values: float[]) : Tensor = torch.tensor(values).reshape([| 1L; 2L |])
    // Sharpened at 0.5: logits (2, 0). Student: even.
    let loss = (Consistency.loss 0.5 (row [| 1.0; 0.0 |]) (row [| 0.0; 0.0 |])).item<float>()
    let likely = Math.Exp 2.0 / (Math.Exp 2.0 + 1.0)
    Assert.Equal(0.5 * Math.Log(0.5 / likely) + 0.5 * Math.Log(0.5 / (1.0 - likely)), loss, 1e-12)
    Assert.Equal(0.0, (Consistency.loss 0.5 (row [| 1.0; 0.0 |]) (row [| 5.0; 3.0 |])).item<float>(), 1e-12)

[<Fact>]
let ``the threshold falls linearly over all epochs, and sure nodes are chosen at the warm-up's end and every so often``
    ()
    =
    let published = ConsistencyRecipe.published
    Assert.Equal(0.85 - 0.1 * 0.101, ConsistencyRecipe.threshold published 1000 101, 1e-12)
    Assert.Equal(0.80, ConsistencyRecipe.threshold published 1000 500, 1e-12)
    Assert.Equal(0.75, ConsistencyRecipe.threshold published 1000 1000, 1e-12)
    let chosen recipe = [ 1..170 ] |> List.filter (ConsistencyRecipe.reselects recipe)
    Assert.Equal<int>([ 101; 121; 141; 161 ], chosen published)
    Assert.Equal<int>([ 111; 121; 141; 161 ], chosen { published with WarmUp = 110 })

[<Fact>]
let ``a young teacher is the mean of what it has seen, an old one forgets at its own rate`` () =
    let decay = ConsistencyRecipe.teacherDecay ConsistencyRecipe.published
    Assert.Equal<float>([ 0.5; 1.0 - 1.0 / 3.0; 0.75 ], List.map decay [ 1; 2; 3 ])
    // Seen: 10 at the warm-up's end, then 4, 1 and 1.
    let average =
        ([ 4.0; 1.0; 1.0 ], [ 1; 2; 3 ])
        ||> List.zip
        |> List.fold (fun mean (x, k) -> decay k * mean + (1.0 - decay k) * x) 10.0

    Assert.Equal(4.0, average, 1e-12)
    Assert.Equal<float>([ 0.98; 0.99; 0.99; 0.99 ], [ decay 49; decay 99; decay 100; decay 10000 ])

    Assert.Equal(
        0.0,
        ConsistencyRecipe.teacherDecay
            {
                ConsistencyRecipe.published with
                    TeacherDecay = 0.0
            }
            7
    )
