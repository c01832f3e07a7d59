module Glem.Experiments.Tests.StoredRunTests

open System.Collections.Generic
open System.IO
open System.Text.Json
open Glem
open TorchSharp
open Xunit

/// Notes the stages that are computed, and those that are kept from before.
type private Noting() =
    let computed, kept = List<string>(), List<string>()
    member _.Computed = List.ofSeq computed
    member _.Kept = List.ofSeq kept

    interface IWitness with
        member _.During(name, work) =
            computed.Add name
            work ()

        member _.Kept(name, _) = kept.Add name

        member _.Watch name state =
            if state.Step = 1 then
                computed.Add name

/// Dies in the middle of a stage.
type private Dying(stage: string) =
    interface IWitness with
        member _.During(_, work) = work ()
        member _.Kept(_, _) = ()

        member _.Watch name state =
            if name = stage && state.Step = 2 then
                raise (IOException "the machine is gone")

let private compute: Compute = {
    Device = torch.CPU
    Precision = Precision.Float32
    Memory = MemoryBudget.standard ()
}

let private request (folder: TestFolder) store settings name : TrialRequest = {
    Recipe = Settings.setAll settings Colours.recipe |> Result.orRaise
    Dataset = Colours.dataset.Value
    Seed = 3
    Compute = compute
    Output = folder.File name
    Store = store
    Command = "a test"
}

let private openStore (folder: TestFolder) = Store.Open(folder.File "store") |> Result.orRaise

let private run request =
    let witness = Noting()
    Trial.run request witness |> Result.orRaise |> ignore
    witness

/// All files of a run that do not tell its time, with their bytes.
let private results (folder: TestFolder) run =
    let root = folder.File run
    let timed = set [ "run.json"; "summary.json"; "report.html"; "report.md"; "report.tex" ]

    Directory.GetFiles(root, "*", SearchOption.AllDirectories)
    |> Array.map (fun file -> Path.GetRelativePath(root, file))
    |> Array.filter (fun file -> not (timed.Contains file))
    |> Array.sort
    |> Array.map (fun file -> file, File.ReadAllBytes(Path.Combine(root, file)))

let private sameResults folder one other =
    let one, other = results folder one, results folder other
    Assert.Equal<string[]>(Array.map fst one, Array.map fst other)

    for (name, first), (_, second) in Array.zip one other do
        if first <> second then
            let at = Seq.zip first second |> Seq.tryFindIndex (fun (a, b) -> a <> b) |> Option.defaultValue 0

            let text (bytes: byte[]) =
                System.Text.Encoding.UTF8.GetString(bytes, max 0 (at - 80), min 160 (bytes.Length - max 0 (at - 80)))

            Assert.Fail $"%s{name} differs from byte %d{at}: '%s{text first}' is not '%s{text second}'"

[<Fact>]
let ``a run that finds its stages in a store gives the bits that it gives without one`` () =
    use folder = new TestFolder()
    let store = openStore folder
    let once = request folder store [] "once" |> run
    let again = request folder store [] "again" |> run
    request folder Store.none [] "without" |> run |> ignore
    Assert.Empty once.Kept
    Assert.Equal<string list>([ "tokenizer" ], again.Computed)
    Assert.Equal(once.Computed.Length - 1, again.Kept.Length)
    sameResults folder "without" "once"
    sameResults folder "without" "again"

[<Fact>]
let ``runs that differ in their graph model share one language model`` () =
    use folder = new TestFolder()
    let store = openStore folder
    request folder store [ "gnn.model=gcn" ] "gcn" |> run |> ignore
    let sage = request folder store [ "gnn.model=sage" ] "sage" |> run
    Assert.Equal<string list>([ "TF-IDF baselines"; "masked-language model"; "LM on gold" ], sage.Kept)
    request folder Store.none [ "gnn.model=sage" ] "alone" |> run |> ignore
    sameResults folder "alone" "sage"

[<Theory>]
[<InlineData "LM on gold">]
[<InlineData "GNN on embeddings">]
[<InlineData "E-step 1">]
[<InlineData "M-step 2">]
let ``a run that died in a stage and is started again ends as if it had not`` (stage: string) =
    use folder = new TestFolder()
    let store = openStore folder

    match Trial.run (request folder store [] "run") (Dying stage) with
    | Error(InFile(_, _, found, _)) -> Assert.Equal("the machine is gone", found)
    | other -> failwith $"%A{other}"

    let again = request folder store [] "run" |> run
    Assert.Contains(stage, again.Computed)
    Assert.DoesNotContain("masked-language model", again.Computed)
    request folder Store.none [] "undisturbed" |> run |> ignore
    sameResults folder "undisturbed" "run"
    // Nothing of the dead one is left beside the run.
    Assert.Empty(Directory.GetDirectories(folder.Path, "*.partial-*"))

[<Fact>]
let ``a GNN in stages finds the labels that its stages lent each other`` () =
    use folder = new TestFolder()
    let store = openStore folder

    let settings = [
        "gnn.labelInput=goldAndTeacher"
        "gnn.reliableLabels={\"stages\":2,\"threshold\":0.5,\"weight\":1}"
    ]

    request folder store settings "once" |> run |> ignore
    request folder store settings "again" |> run |> ignore
    sameResults folder "once" "again"

[<Fact>]
let ``without weight for pseudo labels, E-steps under different graph models are one stage`` () =
    use folder = new TestFolder()
    let store = openStore folder
    let free model = [ "eStep.pseudoWeight=0"; "rounds=1"; $"gnn.model=%s{model}" ]
    request folder store (free "gcn") "gcn" |> run |> ignore
    let sage = request folder store (free "sage") "sage" |> run
    Assert.Contains("E-step 1", sage.Kept)
    request folder Store.none (free "sage") "alone" |> run |> ignore
    sameResults folder "alone" "sage"

let private keys recipe =
    RunStages.ofRun (BuildIdentity.json compute) recipe Colours.dataset.Value 3
    |> RunStages.all
    |> List.map _.Key.Text

/// A setting's value, changed: another number, the other switch, another case.
let private otherValues (path: string, value: string) =
    let candidates =
        match value with
        | "true" -> [ "false" ]
        | "false" -> [ "true" ]
        | "null" when path = "lm.pretrained" -> [ "glem-mini" ]
        | "null" when path = "gnn.consistency" -> [
            JsonSerializer.Serialize(Settings.toJson ConsistencyRecipe.published)
          ]
        | "null" when path = "gnn.reliableLabels" -> [
            JsonSerializer.Serialize(Settings.toJson ReliableLabelsRecipe.published)
          ]
        | "null" -> [ "1"; "0.5"; "true"; "[2,2]"; "mean" ]
        | _ ->
            match System.Double.TryParse(value, System.Globalization.CultureInfo.InvariantCulture) with
            | true, number -> [ string (number + 1.0); string (number / 2.0 + 0.125) ]
            | _ -> [
                "hard"
                "itself"
                "heldOut"
                "{\"top\":0.5}"
                "margin"
                "{\"window\":0.5}"
                "scratch"
                "previous"
                "sage"
                "cls"
                "both"
                "goldOnly"
                "gnnFirst"
                "sums"
                "testRemoved"
                "studentToTeacher"
                "sgd"
                "adam"
                "[\"query\"]"
                "another"
              ]

    candidates
    |> List.filter (fun other -> other <> value)
    |> List.map (fun other -> $"%s{path}=%s{other}")

/// These say when a run ends, or what it is called, or act by the data set and so by its fingerprint.
let private cosmetic =
    set [
        "name"
        "dataset"
        "labelRate"
        "lm.gradientCheckpointing"
        "convergence.epsilon"
        "convergence.patience"
    ]

[<Fact>]
let ``every field of a recipe that can change a result changes a key, and no other field does`` () =
    let recipe = Colours.recipe
    let plain = keys recipe

    for path, value in Settings.fields recipe do
        let changed =
            otherValues (path, value)
            |> List.choose (fun setting ->
                match Settings.set setting recipe with
                | Ok other when other <> recipe -> Some other
                | _ -> None)

        Assert.True(not changed.IsEmpty, $"no other value of %s{path} than %s{value} was found")

        for other in changed do
            if cosmetic.Contains path then
                Assert.Equal<string list>(plain, keys other)
            else
                Assert.True((plain <> keys other), $"%s{path} changes no key")

[<Fact>]
let ``another seed changes every key but that of the baselines, which have none`` () =
    let ofSeed seed =
        RunStages.ofRun (BuildIdentity.json compute) Colours.recipe Colours.dataset.Value seed
        |> RunStages.all
        |> List.map _.Key.Text

    Assert.Equal<bool list>(
        [ true; false; false; false; false; false; false; false; false ],
        List.map2 (=) (ofSeed 1) (ofSeed 2)
    )

let private replay (request: TrialRequest) number =
    Replay.step request.Compute request.Store request.Recipe request.Dataset request.Seed number Witness.silent

[<Fact>]
let ``every step of a run can be done once more from the archive, with the same bits`` () =
    use folder = new TestFolder()
    let request = request folder (openStore folder) [] "run"
    run request |> ignore

    for number, name in List.indexed [ "E-step 1"; "M-step 1"; "E-step 2"; "M-step 2" ] do
        let replayed = replay request (number + 1) |> Result.orRaise
        Assert.Equal(name, replayed.Stage.Name)
        Assert.All(replayed.Parts, fun (part, isSame) -> Assert.True(isSame, $"%s{name}, %s{part}"))

[<Fact>]
let ``a step that the archive has otherwise is told, and one that it has not is an error`` () =
    use folder = new TestFolder()
    let store = openStore folder
    let request = request folder store [] "run"

    match replay request 1 with
    | Error(InValue(what, _, _)) -> Assert.Contains("the stage TF-IDF baselines", what)
    | other -> failwith $"%A{other}"

    // The LM on gold labels in the place of the first E-step's.
    let stages = RunStages.ofRun (BuildIdentity.json compute) request.Recipe request.Dataset request.Seed
    let codec = StageFiles.lm compute.Memory request.Recipe.Lm.Hidden None

    use study =
        Study.prepare compute (fun _ _ -> ()) request.Recipe request.Dataset request.Seed |> Result.orRaise

    let gold = Study.pretrainEncoder study |> Study.lmOnGold study
    store.Obtain(RunStages.step Student.Lm 1 stages, codec, (fun () -> gold)) |> ignore
    run request |> ignore
    let replayed = replay request 1 |> Result.orRaise
    Assert.Equal<(string * bool) list>([ "weights", false; "posterior", false; "embeddings", false ], replayed.Parts)

    match replay request 5 with
    | Error(InSetting("--event", "5", _)) -> ()
    | other -> failwith $"%A{other}"

[<Fact>]
let ``the ladder's table pairs what EM adds with the rung below, seed by seed`` () =
    let score test : Score option = Some { Valid = 0.5; Test = test }

    let summary lm glem = {
        Majority = None
        TfIdf = None
        LmOnly = score lm
        GnnRaw = None
        Static = None
        SelfTraining = None
        GlemLm = score glem
        GlemGnn = None
        Rounds = []
        Selected = None
        EmRounds = 1
        Seconds = []
        PeakRssMb = None
    }

    let table = LadderTable.markdown [ "gcn", [ summary 0.70 0.72; summary 0.80 0.84; summary 0.75 0.74 ] ]
    // Differences of 2, 4 and -1 points: mean 5/3, standard deviation 2.517, t(2, 97.5 %) = 4.303.
    Assert.Contains("| gcn: GLEM-LM | 50.0 ± 0.0 | 76.7 ± 6.4 | +1.7 [−4.6, +7.9] over LM alone, 2 of 3 |", table)
    Assert.Contains("| LM alone | 50.0 ± 0.0 | 75.0 ± 5.0 |  |", table)
    Assert.DoesNotContain("Majority", table)
