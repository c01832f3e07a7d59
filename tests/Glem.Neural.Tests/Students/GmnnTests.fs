module Glem.Neural.Tests.GmnnTests

open Glem
open TorchSharp
open Xunit

/// Each node's bag: three words of its class's ten, and one of any.
let private words = 30

let private bags () =
    let random = System.Random 5

    let rows =
        Array.init TinyTask.nodes (fun i ->
            let own () = 10 * (i % TinyTask.classes) + random.Next 10
            [| own (); own (); own (); random.Next words |] |> Array.distinct |> Array.sort)

    let offsets = rows |> Array.scan (fun offset row -> offset + row.Length) 0

    SparseFeatures.ofRows
        torch.CPU
        words
        offsets
        (Array.concat rows)
        (rows |> Array.collect (Array.map (fun _ -> 0.25f)))

let private fit: FitRecipe = {
    Epochs = 20.0
    Batch = 0
    Accumulate = 1
    EvaluationsPerEpoch = 1.0
    Patience = 0
    LabelSmoothing = 0.0
    Optimiser = {
        TinyTask.recipe.Optimiser with
            Rule = Rule.RmsProp
            LearningRate = 0.05
            WeightDecay = 5e-4
            Beta2 = 0.99
            ClipNorm = 0.0
            WarmUp = 0.0
            Decay = false
    }
}

let private tiny () = {
    Compute = Golden.cpu Precision.Float32
    Graph = GraphTensors.ofCsr torch.CPU TinyTask.edges
    Features = bags ()
    Q = GcnConfig.gmnn 0.5 0.0 words 16 TinyTask.classes |> Gcn.gnn
    P = GcnConfig.gmnn 0.5 0.0 TinyTask.classes 16 TinyTask.classes |> Gcn.gnn
    Pretraining = fit
    Fit = fit
    Draw = Sampled Temperature.one
    Rounds = 2
    Supervision = TinyTask.supervision
    Validation = TinyTask.validation
    Watch = fun _ -> ignore
}

let private run gmnn key = Gmnn.pretrain gmnn key |> Gmnn.em gmnn key |> Seq.toList

let private lastQ states =
    states
    |> List.choose (
        Em.fitted
        >> function
            | FittedQ(_, theta, q) -> Some(theta, q)
            | _ -> None
    )
    |> List.last

[<Fact>]
let ``the same key runs the same EM over two graph networks, bit for bit; another key another`` () =
    use gmnn = tiny ()
    let theta, q = run gmnn TinyTask.key |> lastQ
    let again, qAgain = run gmnn TinyTask.key |> lastQ
    let other, _ = run gmnn (Key.ofSeed 12) |> lastQ
    Assert.True(TinyTask.areEqual theta.Weights again.Weights)
    Assert.Equal(q, qAgain)
    Assert.False(TinyTask.areEqual theta.Weights other.Weights)

[<Fact>]
let ``a round is an M-step and then an E-step`` () =
    use gmnn = tiny ()

    let made =
        run gmnn TinyTask.key
        |> List.map (
            Em.fitted
            >> function
                | FittedP(round, _, _) -> "M", round
                | FittedQ(round, _, _) -> "E", round
                | Pretrained -> "", 0
        )

    Assert.Equal<string * int>([ "M", 1; "E", 1; "M", 2; "E", 2 ], made)

/// The posterior with other predictions on the training nodes, or on all others.
let private changed onTraining (posterior: Posterior<'s>) : Posterior<'s> =
    let c = posterior.ClassCount

    posterior.Logits.ToArray()
    |> Array.mapi (fun at z ->
        let isTraining = (TinyTask.supervision.Gold(at / c * 1<node>)).IsSome
        // Another class wins by far.
        if isTraining = onTraining then
            (if at % c = (at / c + 1) % c then 30f else -30f)
        else
            z)
    |> Posterior.ofLogits c

let private turn: Turn = {
    Round = 1
    Key = Key.ofSeed 4
    SideKey = Key.ofSeed 5
}

[<Fact>]
let ``a teacher's word on a training node changes nothing: gold labels stay`` () =
    use gmnn = tiny ()
    let theta, q = Gmnn.pretrain gmnn TinyTask.key
    let fits = Gmnn.fits gmnn
    use generator = Generator.ofKey TinyTask.key
    let phi = Gnn.initial gmnn.P generator |> Anew

    let afterM q =
        match fits.FitP turn theta q phi with
        | From fit, p -> fit.Weights, p
        | Anew weights, p -> weights, p

    let afterE p = (fits.FitQ turn phi p theta |> fst).Weights
    let weights, p = afterM q
    Assert.True(TinyTask.areEqual weights (fst (afterM (changed true q))))
    Assert.False(TinyTask.areEqual weights (fst (afterM (changed false q))))
    Assert.True(TinyTask.areEqual (afterE p) (afterE (changed true p)))
    Assert.False(TinyTask.areEqual (afterE p) (afterE (changed false p)))

[<Fact>]
let ``EM over two graph networks learns a task that is there to be learnt`` () =
    use gmnn = tiny ()
    let _, q = run gmnn TinyTask.key |> lastQ

    let right =
        Posterior.argmax q
        |> Array.indexed
        |> Array.filter (fun (i, k) -> int k = i % TinyTask.classes)
        |> Array.length

    Assert.InRange(right, 27, 30)

[<Fact>]
let ``a training that continues another is the longer training`` () =
    use gmnn = tiny ()
    use generator = Generator.ofKey TinyTask.key
    let config = GcnConfig.gmnn 0.0 0.0 words 16 TinyTask.classes |> Gcn.gnn
    let start = Gnn.initial config generator |> Anew

    // Without dropout, and looked at only at its end: then nothing but weights and memory tells the halves apart.
    let train epochs start =
        let recipe = {
            fit with
                Epochs = epochs
                EvaluationsPerEpoch = 0.01
        }

        let stage = TinyTask.stage TinyTask.key recipe
        let view = GraphView.all stage.Lesson (Sparse gmnn.Features)
        GraphTraining.toBest gmnn.Compute config stage gmnn.Graph view start

    let whole, half = train 10.0 start, train 5.0 start
    let both = train 5.0 (From half)
    Assert.True(TinyTask.areEqual whole.Weights both.Weights)
    Assert.False(TinyTask.areEqual whole.Weights (train 5.0 (Anew half.Weights)).Weights)

[<Fact>]
let ``EM over two graph networks leaves no tensor behind`` () =
    let live () = DisposeScopeManager.Statistics.ThreadTotalLiveCount
    let before = live ()
    using (tiny ()) (fun gmnn -> run gmnn TinyTask.key |> ignore)
    Assert.Equal(before, live ())
