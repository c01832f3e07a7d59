/// Successive halving over EM rounds, and repeats of the base.
module Glem.Experiments.Tests.HalvingTests

open System.IO
open System.Text.Json
open System.Threading
open Glem
open Xunit

let private alpha value (recipe: Recipe) = {
    recipe with
        EStep.PseudoWeight = [ value ]
}

let private halved =
    experiment "halved" {
        recipe { Colours.recipe with Rounds = 4 }
        axis "alpha" [ 0.1; 0.3; 0.6; 0.9 ] alpha
        seeds [ 0; 1 ]
        controls [ Control.StaticTwoStage ]
        baseline "staticTwoStage"
        decide Student.Gnn "glem" 0.5
        halving Student.Gnn 1 0.5
    }
    |> Result.orRaise

/// alpha 0.3 is best after one round, 0.9 and 0.3 are next; with more rounds 0.9 overtakes it.
let private valid (cell: Cell) =
    match cell.Levels, cell.Recipe.Rounds with
    | [ _, "0.3" ], 1 -> 0.8
    | [ _, "0.9" ], 1 -> 0.7
    | [ _, "0.9" ], _ -> 0.9
    | [ _, "0.3" ], _ -> 0.81
    | _ -> 0.5

let private summary (test: Cell -> float) (cell: Cell) : Summary = {
    Majority = None
    TfIdf = None
    LmOnly = Some { Valid = 0.5; Test = 0.5 }
    GnnRaw = None
    Static = Some { Valid = 0.5; Test = 0.5 }
    SelfTraining = None
    GlemLm = None
    GlemGnn =
        (if cell.Recipe.Rounds = 0 then
             None
         else
             Some { Valid = valid cell; Test = test cell })
    Rounds = []
    Selected = None
    EmRounds = cell.Recipe.Rounds
    Seconds = [ "LM on gold", 60.0 ]
    PeakRssMb = None
}

/// Makes what a run leaves, without training anything, and notes whom it is asked for.
let private noting (asked: ResizeArray<string>) test (cell: Cell) (folder: string) =
    asked.Add $"%s{Cell.name cell} %d{cell.Seed}"
    Directory.CreateDirectory folder |> ignore

    let info = {
        MadeUp.info cell.Seed 3 with
            Configuration = JsonSerializer.SerializeToElement(Settings.toJson cell.Recipe)
    }

    RunInfo.write (RunFolder.info folder) info |> Result.orRaise
    let summary = summary test cell
    Summary.write (RunFolder.summary folder) summary |> Result.map (fun () -> summary)

let private cells experiment = Experiment.cells experiment |> Result.orRaise

let private run (folder: TestFolder) experiment run =
    Grid.run {
        Experiment = experiment
        Cells = cells experiment
        Output = folder.Path
        Run = run
        Cancel = CancellationToken.None
        Watch = ignore
    }
    |> Result.orRaise

let private table (folder: TestFolder) experiment =
    let runs = cells experiment |> Grid.asked folder.Path experiment |> Grid.finished folder.Path

    GridTable.markdown experiment (runs |> List.map (fun (cell, summary, _) -> cell, summary) |> CellResult.ofRuns) []

[<Fact>]
let ``each time the rounds double, the better half goes on, and what does not compete runs whole`` () =
    use folder = new TestFolder()
    let asked = ResizeArray()
    let outcome = run folder halved (noting asked valid)
    Assert.Empty outcome.Failed
    Assert.Empty outcome.Elsewhere

    let both name = [ $"%s{name} 0"; $"%s{name} 1" ]

    Assert.Equal<Set<string>>(
        [
            "staticTwoStage"
            "glem,alpha=0.1,rounds=1"
            "glem,alpha=0.3,rounds=1"
            "glem,alpha=0.6,rounds=1"
            "glem,alpha=0.9,rounds=1"
            "glem,alpha=0.3,rounds=2"
            "glem,alpha=0.9,rounds=2"
            "glem,alpha=0.9"
        ]
        |> List.collect both
        |> Set,
        Set asked
    )

    Assert.Equal(16, asked.Count)
    // Started again it reads what is there.
    run folder halved (noting asked valid) |> ignore
    Assert.Equal(16, asked.Count)

[<Fact>]
let ``the table tells rungs by their rounds, says who went on, and the rule looks at whole cells alone`` () =
    use folder = new TestFolder()
    // On test the first round would be the best.
    let test (cell: Cell) = if cell.Recipe.Rounds = 1 then 0.99 else 0.6
    run folder halved (noting (ResizeArray()) test) |> ignore
    let text = table folder halved
    Assert.Contains("| glem | 0.9 | 1 | 2 | 50.0 ± 0.0 | 50.0 ± 0.0 | 70.0 ± 0.0 | 99.0 ± 0.0 |", text)
    Assert.Contains("| glem | 0.9 | 4 | 2 | 50.0 ± 0.0 | 50.0 ± 0.0 | 90.0 ± 0.0 | 60.0 ± 0.0 |", text)
    Assert.Contains("Verdict: better. glem,alpha=0.9 against staticTwoStage: +10.0 [+10.0, +10.0]", text)

    Assert.Contains(
        "after 1 round 2 of 4 cells went on, the best on validation first: glem,alpha=0.3; glem,alpha=0.9. Spared the rest: glem,alpha=0.1; glem,alpha=0.6.",
        text
    )

    Assert.Contains("after 2 rounds 1 of 2 cells went on, the best on validation first: glem,alpha=0.9.", text)

[<Fact>]
let ``a cell that fails on a rung is out, and is tried again when the grid is started again`` () =
    use folder = new TestFolder()
    let broken (cell: Cell) = Cell.name cell = "glem,alpha=0.3,rounds=1"

    let failing cell path =
        if broken cell then
            failwith "no more memory"
        else
            noting (ResizeArray()) valid cell path

    let outcome = run folder halved failing
    Assert.Equal(2, outcome.Failed.Length)
    // Two of the three that are left, then one.
    Assert.True(Directory.Exists(folder.File "cells/glem,alpha=0.1,rounds=2"))
    Assert.True(Directory.Exists(folder.File "cells/glem,alpha=0.9"))
    Grid.forgetFailures folder.Path halved (cells halved)
    Assert.Empty((run folder halved (noting (ResizeArray()) valid)).Failed)
    Assert.True(Directory.Exists(folder.File "cells/glem,alpha=0.3,rounds=2"))

[<Fact>]
let ``halving and repeats out of range, and axes with their words for a name, are refused`` () =
    let refuses key change =
        match Experiment.check (change halved) with
        | Error(InSetting(found, _, _)) -> Assert.Equal(key, found)
        | other -> Assert.Fail $"%A{other}"

    let rule = halved.Halving.Value

    refuses "halving.keep" (fun e -> {
        e with
            Halving = Some { rule with Keep = 1.0 }
    })

    refuses "halving.firstRounds" (fun e -> {
        e with
            Halving = Some { rule with FirstRounds = 0 }
    })

    refuses "repeats" (fun e -> { e with Repeats = -1 })

    let named name (e: Experiment) = {
        e with
            Axes = [ { e.Axes.Head with Name = name } ]
    }

    refuses "axes" (named "rounds")
    refuses "axes" (fun e -> { named "repeat" e with Repeats = 1 })

[<Fact>]
let ``an experiment that halves is not divided into shards`` () =
    use folder = new TestFolder()
    File.WriteAllText(folder.File "halved.json", ExperimentJson.write halved)
    GlemProcess.refuses folder.Path [ "grid"; "halved.json"; "--shard"; "1/2" ] [ "--shard"; "halves"; "--jobs" ]

[<Fact>]
let ``repeats of the base tell how much a result moves when nothing changes`` () =
    use folder = new TestFolder()

    let repeated = {
        halved with
            Axes = []
            Halving = None
            Rule = None
            Seeds = [ 3; 4 ]
            Repeats = 2
    }

    let test (cell: Cell) =
        match cell.Part with
        | CellPart.Repeat count -> 0.50 + 0.01 * float count
        | _ -> 0.50

    let asked = ResizeArray()
    run folder repeated (noting asked test) |> ignore

    Assert.Equal<Set<string>>(
        set [
            "glem 3"
            "glem 4"
            "staticTwoStage 3"
            "staticTwoStage 4"
            "glem,repeat=1 3"
            "glem,repeat=2 3"
        ],
        Set asked
    )

    let text = table folder repeated
    // 50, 51 and 52 %.
    Assert.Contains("noise of the LM: its test accuracy moves by 0.00 points", text)
    Assert.Contains("noise of the GNN: its test accuracy moves by 1.00 points", text)
    Assert.Contains("by 3 runs of 1 such", text)
    Assert.DoesNotContain("| glem | 1 |", text)

[<Fact>]
let ``a repeat computes each stage anew, and on one machine has the first run's bits`` () =
    use folder = new TestFolder()
    Colours.write (folder.File "colours")
    let store = Store.Open(folder.File "store") |> Result.orRaise
    let kept = ResizeArray()

    let witness = {
        new IWitness with
            member _.Watch name state = ()
            member _.During(name, work) = work ()
            member _.Kept(name, seconds) = kept.Add name
    }

    let experiment = {
        Experiment.ofRecipe "again" {
            Colours.recipe with
                Dataset = folder.File "colours"
        } with
            Repeats = 1
    }

    let run = CellRun(Compute.automatic (), store, CancellationToken.None, witness)
    let first, again = let cells = cells experiment in cells[0], cells[1]
    run.Make first (folder.File "first") |> Result.orRaise |> ignore
    run.Make again (folder.File "again") |> Result.orRaise |> ignore
    Assert.Empty kept

    for file in [ "metrics.jsonl"; "predictions.csv" ] do
        Assert.Equal(File.ReadAllText(folder.File $"first/%s{file}"), File.ReadAllText(folder.File $"again/%s{file}"))
