module Glem.Experiments.Tests.StudyTests

open System
open Glem
open TorchSharp
open Xunit

let private compute: Compute = {
    Device = torch.CPU
    Precision = Precision.Float32
    Memory = MemoryBudget.standard ()
}

let private bits (weights: Weights) =
    weights
    |> Seq.sortBy _.Key
    |> Seq.map (fun pair -> pair.Key, pair.Value.Values |> Array.map BitConverter.SingleToInt32Bits)
    |> Seq.toList

let private prepare watch recipe dataset = Study.prepare compute watch recipe dataset 5 |> Result.orRaise

/// All that a run makes of a data set: every state's new weights, from pre-training to the last M-step.
let private everything (recipe: Recipe) (dataset: Dataset) =
    use study = prepare (fun _ _ -> ()) recipe dataset
    let encoder = Study.pretrainEncoder study
    let lm, q = Study.lmOnGold study encoder
    let gnn, p = Study.gnnOnEmbeddings study (lm, q)

    [
        bits encoder
        bits lm.Weights
        bits gnn
        for state in Study.em study encoder (lm, q) (gnn, p) do
            match Em.fitted state with
            | FittedQ(_, (theta, _), _) -> bits theta.Weights
            | FittedP(_, (phi, _), _) -> bits phi
            | Fitted.Pretrained -> ()
    ]

/// The data set with the labels of one part handed round among its nodes.
let private withForeignLabels part =
    let records = Colours.records
    let victims = records.Nodes |> Array.filter (fun node -> node.Part = part)
    let labels = victims |> Array.map _.Label
    let shifted = Array.append labels[1..] labels[..0]
    Assert.NotEqual<string option>(labels, shifted)
    let given = Array.zip victims shifted |> Seq.map (fun (node, label) -> node.Id, label) |> Map

    {
        records with
            Nodes =
                records.Nodes
                |> Array.map (fun node ->
                    match given.TryFind node.Id with
                    | Some label -> { node with Label = label }
                    | None -> node)
    }
    |> Dataset.ofRecords "poisoned"
    |> Result.orRaise

/// Consistency in every training of the GNN, and three stages of the one on gold labels.
let private regularised = {
    Colours.recipe with
        Gnn = {
            Colours.recipe.Gnn with
                LabelInput = GoldAndTeacher
                ReliableLabels =
                    Some {
                        ReliableLabelsRecipe.published with
                            Stages = 3
                            Threshold = 0.5
                    }
                Consistency =
                    Some {
                        ConsistencyRecipe.published with
                            WarmUp = 3
                            ReselectEvery = 2
                            FirstThreshold = 0.5
                            LastThreshold = 0.4
                    }
        }
}

[<Fact>]
let ``test labels change no bit of any training`` () =
    for recipe in [ Colours.recipe; regularised ] do
        let clean = everything recipe Colours.dataset.Value
        Assert.Equal(7, clean.Length)
        Assert.True((clean = everything recipe (withForeignLabels Test)))

[<Fact>]
let ``the static pipeline's GNN goes through the recipe's stages, and says what the last one read`` () =
    let stages = ResizeArray<string>()

    let watch name (state: TrainState) =
        if state.IsDone then
            stages.Add name

    use study = prepare watch regularised Colours.dataset.Value
    let lm = Study.lmOnGold study (LmSource.encoder (Key.ofSeed 1) study.Lm study.LmSource)
    let read, (phi, p) = Study.staticGnn study lm

    Assert.Equal<string>(
        [
            "LM on gold"
            "GNN on embeddings"
            "GNN on embeddings, stage 2"
            "GNN on embeddings, stage 3"
        ],
        stages
    )

    Assert.Equal(p, GraphModel.predict compute (study.Gnn read) study.Graph read phi)
    let first = Study.nodeInputs study (Study.steps study) 1 (fst lm) (snd lm)
    Assert.NotEqual(first.Labels, read.Labels)

[<Fact>]
let ``fan-outs change how the graph model trains, in every stage, and no bit of what comes before it`` () =
    let sampled = {
        Colours.recipe with
            Gnn = {
                Colours.recipe.Gnn with
                    FanOuts = Some [ 2; 1 ]
            }
    }

    let whole, sampled =
        everything Colours.recipe Colours.dataset.Value, everything sampled Colours.dataset.Value

    Assert.Equal<bool list>([ true; true; false; false; false; false; false ], List.map2 (=) whole sampled)

/// The loss of every step of the stages up to the GNN on gold, which train to their end, and their final weights.
let private losses dataset =
    let seen = ResizeArray<string * float>()
    use study = prepare (fun name state -> seen.Add((name, state.Loss))) Colours.recipe dataset
    let encoder = Study.pretrainEncoder study
    Study.lmOnGold study encoder |> ignore
    List.ofSeq seen

[<Fact>]
let ``validation labels choose the checkpoint and touch no step of training`` () =
    Assert.Equal<(string * float) list>(losses Colours.dataset.Value, losses (withForeignLabels Valid))

[<Fact>]
let ``training labels do change training`` () =
    Assert.NotEqual<(string * float) list>(losses Colours.dataset.Value, losses (withForeignLabels Train))

[<Fact>]
let ``at alpha 0 the E-step does not depend on its teacher, at alpha above 0 it does`` () =
    let eStep alpha (teacherSeed: int) =
        let recipe = {
            Colours.recipe with
                EStep = {
                    Colours.recipe.EStep with
                        PseudoWeight = [ alpha ]
                }
        }

        use study = prepare (fun _ _ -> ()) recipe Colours.dataset.Value
        let encoder = LanguageModel.initialEncoder (Key.ofSeed 1) study.Lm
        let start = LanguageModel.withNewHead (Key.ofSeed 1) study.Lm encoder

        let lm = {
            Weights = start
            Embeddings = Vectors.ofArray 1 [||]
            PreviousEmbeddings = Vectors.ofArray 1 [||]
        }

        let fits = Study.fits study (Study.steps study) encoder lm start
        let random = Random teacherSeed
        let teacher = Array.init (60 * 3) (fun _ -> float32 (5.0 * random.NextDouble())) |> Posterior.ofLogits 3

        let turn = {
            Round = 1
            Key = Key.ofSeed 2
            SideKey = Key.ofSeed 3
        }

        let before = start, Posterior.uniform 60 3
        let (theta, _), _ = fits.FitQ turn before teacher (lm, Posterior.uniform 60 3)
        bits theta.Weights

    Assert.True((eStep 0.0 1 = eStep 0.0 2))
    Assert.False((eStep 0.5 1 = eStep 0.5 2))

[<Fact>]
let ``GNN-first runs the same stages in the other order`` () =
    let order = ResizeArray<string>()
    let recipe = { Colours.recipe with Order = GnnFirst }

    let watch name (state: TrainState) =
        if state.IsDone then
            order.Add name

    use study = prepare watch recipe Colours.dataset.Value
    let encoder = Study.pretrainEncoder study
    let lm = Study.lmOnGold study encoder
    let gnn = Study.gnnOnEmbeddings study lm
    Study.em study encoder lm gnn |> Seq.iter ignore

    Assert.Equal<string>(
        [
            "masked-language model"
            "LM on gold"
            "GNN on embeddings"
            "M-step 1"
            "E-step 1"
            "M-step 2"
            "E-step 2"
        ],
        order
    )

[<Fact>]
let ``a whole EM run leaves no tensor behind`` () =
    let live () = DisposeScopeManager.Statistics.ThreadTotalLiveCount
    let before = live ()

    for precision in [ Precision.Float32; Precision.BFloat16 ] do
        let compute = { compute with Precision = precision }

        let made =
            use study =
                Study.prepare compute (fun _ _ -> ()) Colours.recipe Colours.dataset.Value 5 |> Result.orRaise

            let encoder = Study.pretrainEncoder study
            let lm = Study.lmOnGold study encoder
            let gnn = Study.gnnOnEmbeddings study lm
            Study.em study encoder lm gnn |> Seq.length

        Assert.Equal(4, made)
        Assert.Equal(before, live ())
