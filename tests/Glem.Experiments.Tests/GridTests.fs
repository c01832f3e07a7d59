module Glem.Experiments.Tests.GridTests

open System
open System.IO
open System.Text.Json
open System.Threading
open Glem
open Xunit

let private alpha value (recipe: Recipe) = {
    recipe with
        EStep = {
            recipe.EStep with
                PseudoWeight = [ value ]
        }
}

let private plain =
    experiment "plain" {
        question "Which alpha?"
        recipe Colours.recipe
        axis "alpha" [ 0.1; 0.9 ] alpha
        seeds [ 0..2 ]
        controls [ Control.StaticTwoStage ]
        baseline "staticTwoStage"
        decide Student.Gnn "glem" 0.5
    }
    |> Result.orRaise

/// Accuracies that tell a cell: alpha 0.9 is better by validation, and by 5, 7 and 6 points on test than no round at all.
let private summary (cell: Cell) : Summary =
    let static' = 0.70 + 0.01 * float cell.Seed

    let test =
        match Cell.name cell with
        | "glem,alpha=0.9" -> static' + [| 0.05; 0.07; 0.06 |][cell.Seed % 3]
        | "glem,alpha=0.1" -> static' + [| 0.09; -0.09; 0.0 |][cell.Seed % 3]
        | _ -> static'

    let score test : Score = { Valid = test; Test = test }

    {
        Majority = None
        TfIdf = None
        LmOnly = Some(score 0.6)
        GnnRaw = None
        Static = Some(score static')
        SelfTraining = None
        GlemLm = None
        GlemGnn = if cell.Recipe.Rounds = 0 then None else Some(score test)
        Rounds = []
        Selected = None
        EmRounds = cell.Recipe.Rounds
        Seconds = [ "LM on gold", 60.0 ]
        PeakRssMb = Some 100.0
    }

/// Makes what a run leaves, without training anything.
let private make (cell: Cell) (folder: string) : Result<Summary, GlemError> =
    Directory.CreateDirectory folder |> ignore

    let info = {
        MadeUp.info cell.Seed 3 with
            Configuration = JsonSerializer.SerializeToElement(Settings.toJson cell.Recipe)
    }

    RunInfo.write (RunFolder.info folder) info |> Result.orRaise
    let summary = summary cell
    Summary.write (RunFolder.summary folder) summary |> Result.map (fun () -> summary)

let private cells experiment = Experiment.cells experiment |> Result.orRaise

let private request (folder: TestFolder) experiment run = {
    Experiment = experiment
    Cells = cells experiment
    Output = folder.Path
    Run = run
    Cancel = CancellationToken.None
    Watch = ignore
}

let private run request = Grid.run request |> Result.orRaise

/// A run that notes whom it is asked for.
let private noting
    (asked: ResizeArray<string>)
    (run: Cell -> string -> Result<Summary, GlemError>)
    (cell: Cell)
    folder
    =
    asked.Add $"%s{Cell.name cell} %d{cell.Seed}"
    run cell folder

let private table (folder: TestFolder) experiment =
    let runs =
        Grid.finished folder.Path (cells experiment) |> List.map (fun (cell, summary, _) -> cell, summary)

    GridTable.markdown experiment (CellResult.ofRuns runs) []

[<Fact>]
let ``every cell is run once, and a grid that is started again reads what is there`` () =
    use folder = new TestFolder()
    let asked = ResizeArray()
    let outcome = run (request folder plain (noting asked make))
    Assert.Empty outcome.Failed
    Assert.Equal(9, asked.Count)
    Assert.Equal(9, (Set asked).Count)
    Assert.True(File.Exists(folder.File "cells/glem,alpha=0.9/seed2/summary.json"))
    let first = table folder plain
    run (request folder plain (noting asked make)) |> ignore
    Assert.Equal(9, asked.Count)
    Assert.Equal(first, table folder plain)

[<Fact>]
let ``a cell that fails stops no other, and is tried again when the grid is started again, alone`` () =
    use folder = new TestFolder()
    let isBroken (cell: Cell) = Cell.name cell = "glem,alpha=0.9" && cell.Seed = 1

    let broken cell folder = if isBroken cell then failwith "no more memory" else make cell folder

    let outcome = run (request folder plain broken)
    let cell, problem = Assert.Single outcome.Failed
    Assert.True(isBroken cell)
    Assert.Equal("no more memory", problem)
    Assert.Equal(8, (Grid.finished folder.Path (cells plain)).Length)
    let asked = ResizeArray()
    // As another process of the same grid, which does not try again.
    Assert.Single((run (request folder plain (noting asked make))).Failed) |> ignore
    Assert.Empty asked
    Grid.forgetFailures folder.Path plain (cells plain)
    Assert.Empty((run (request folder plain (noting asked make))).Failed)
    Assert.Equal<string>([ "glem,alpha=0.9 1" ], asked)

[<Fact>]
let ``what another process has claimed is left to it`` () =
    use folder = new TestFolder()
    let others = cells plain |> List.head
    let claim = CellFolder.tryClaim folder.Path others |> Option.get
    Assert.True((CellFolder.tryClaim folder.Path others).IsNone)
    let asked = ResizeArray()
    let outcome = run (request folder plain (noting asked make))
    Assert.Equal<Cell list>([ others ], outcome.Elsewhere)
    Assert.Equal(8, asked.Count)
    claim.Dispose()
    Assert.Empty((run (request folder plain (noting asked make))).Elsewhere)
    Assert.Equal(9, asked.Count)

[<Fact>]
let ``a stop keeps what is finished, and the same grid goes on from there`` () =
    use folder = new TestFolder()
    use stop = new CancellationTokenSource()
    let asked = ResizeArray()

    let stopping cell output =
        if asked.Count = 4 then
            // As a witness does, in the middle of a run.
            stop.Cancel()
            stop.Token.ThrowIfCancellationRequested()

        make cell output

    Assert.Throws<OperationCanceledException>(fun () ->
        run {
            request folder plain (noting asked stopping) with
                Cancel = stop.Token
        }
        |> ignore)
    |> ignore

    Assert.Equal(3, (Grid.finished folder.Path (cells plain)).Length)
    run (request folder plain (noting asked make)) |> ignore
    Assert.Equal(10, asked.Count)
    Assert.Equal(9, (Grid.finished folder.Path (cells plain)).Length)

[<Fact>]
let ``a run of another recipe under a cell's name moves aside`` () =
    use folder = new TestFolder()
    run (request folder plain make) |> ignore
    let longer = Experiment.withSettings [ "lmFit.epochs=3" ] plain |> Result.orRaise
    Assert.Empty(Grid.finished folder.Path (cells longer))
    run (request folder longer make) |> ignore
    Assert.Equal(9, (Grid.finished folder.Path (cells longer)).Length)

    Assert.Single(Directory.GetDirectories(folder.File "cells/staticTwoStage", "seed0.before-*"))
    |> ignore

[<Fact>]
let ``nothing is begun that the estimate puts beyond the budget`` () =
    use folder = new TestFolder()

    // Three runs are there; each took a minute.
    for cell in cells plain |> List.truncate 3 do
        make cell (CellFolder.run folder.Path cell) |> ignore

    let asked = ResizeArray()
    let tight = { plain with BudgetMinutes = Some 3.5 }
    let outcome = run (request folder tight (noting asked make))
    Assert.Empty asked
    Assert.Equal(6, outcome.BeyondBudget.Length)

    let wide = {
        plain with
            BudgetMinutes = Some 300.0
    }

    Assert.Empty((run (request folder wide (noting asked make))).BeyondBudget)
    Assert.Equal(6, asked.Count)

[<Fact>]
let ``the gate is looked at first, and closed it lets nothing else begin`` () =
    use folder = new TestFolder()
    let asked = ResizeArray()

    let gated least = {
        plain with
            Gate = Some { Rung = "lmOnly"; AtLeast = least }
    }

    // None of the cells is the base itself, whose alpha is 0.5.
    let outcome = run (request folder (gated 0.61) (noting asked make))
    Assert.Equal(Some({ Rung = "lmOnly"; AtLeast = 0.61 }, 0.6), outcome.Closed)
    Assert.Equal<string>([ "base 0" ], asked)
    Assert.Equal(outcome.Closed, (Grid.survey (request folder (gated 0.61) make) |> Result.orRaise).Closed)
    let outcome = run (request folder (gated 0.6) (noting asked make))
    Assert.Equal(None, outcome.Closed)
    Assert.Equal(10, asked.Count)

[<Fact>]
let ``the table has a row for each cell and the rule's verdict, chosen on validation`` () =
    use folder = new TestFolder()
    run (request folder plain make) |> ignore
    let text = table folder plain
    // Differences of 5, 7 and 6 points: mean 6, standard deviation 1, t(2, 97.5 %) = 4.303, so 6 +- 2.48.
    Assert.Contains(
        "| glem | 0.9 | 3 | 60.0 ± 0.0 | 60.0 ± 0.0 | 77.0 ± 1.7 | 77.0 ± 1.7 | 0.0 [0.0, 0.0], 0 of 3 | +6.0 [+3.5, +8.5], 3 of 3 |",
        text
    )

    Assert.Contains("| staticTwoStage | · | 3 |", text)
    Assert.Contains("| baseline | baseline |", text)
    Assert.Contains("Verdict: better. glem,alpha=0.9 against staticTwoStage: +6.0 [+3.5, +8.5], 3 of 3.", text)

[<Fact>]
let ``what learns from held-out labels says so in the table`` () =
    let ceiling = {
        plain with
            Controls = [ Control.StaticTwoStage; Control.Oracle ]
    }

    let runs = [ for cell in cells ceiling -> cell, summary cell ]
    let text = GridTable.markdown ceiling (CellResult.ofRuns runs) []
    Assert.Contains("| oracle † |", text)
    Assert.Contains("† learns from held-out labels: a ceiling, no result.", text)
    Assert.DoesNotContain("glem †", text)

    Assert.DoesNotContain(
        "†",
        GridTable.markdown plain (runs |> List.filter (fun (cell, _) -> cell.Arm = "glem") |> CellResult.ofRuns) []
    )

[<Fact>]
let ``a verdict is better or worse only where the whole interval is beyond the rule's points`` () =
    use folder = new TestFolder()
    run (request folder plain make) |> ignore

    let results =
        Grid.finished folder.Path (cells plain)
        |> List.map (fun (cell, summary, _) -> cell, summary)
        |> CellResult.ofRuns

    let ruling candidate against by =
        let decided = {
            plain with
                Baseline = Some against
                Rule =
                    Some {
                        Student = Student.Gnn
                        Candidate = candidate
                        By = by
                    }
        }

        (Decision.judge decided results |> Option.get).Ruling

    Assert.Equal(Ruling.Better, ruling "glem,alpha=0.9" "staticTwoStage" 3.5)
    Assert.Equal(Ruling.Undecided, ruling "glem,alpha=0.9" "staticTwoStage" 3.6)
    Assert.Equal(Ruling.Worse, ruling "staticTwoStage" "glem,alpha=0.9" 3.5)
    Assert.Equal(Ruling.Undecided, ruling "glem,alpha=0.1" "staticTwoStage" 0.0)
    // One seed has no interval.
    let one =
        results
        |> List.map (fun result -> {
            result with
                Runs = [ result.Runs.Head ]
        })

    Assert.Equal(Ruling.Undecided, (Decision.judge plain one |> Option.get).Ruling)

[<Fact>]
let ``what is to be run is written down before it is, and what is said otherwise later stands beside it`` () =
    use folder = new TestFolder()
    let register experiment = Preregistration.register folder.Path experiment |> Result.orRaise
    let file = register plain
    let text = File.ReadAllText file
    Assert.Equal(ExperimentJson.write plain, text)
    let stamp = JsonDocument.Parse(File.ReadAllText(folder.File "preregistration.json")).RootElement
    let sum = Convert.ToHexStringLower(Security.Cryptography.SHA256.HashData(File.ReadAllBytes file))
    Assert.Equal(sum, stamp.GetProperty("sha256").GetString())
    Assert.Equal(file, register plain)
    Assert.Empty(Preregistration.deviations folder.Path |> Result.orRaise)

    let changed = {
        plain with
            Seeds = [ 0..4 ]
            Rule = plain.Rule |> Option.map (fun rule -> { rule with By = 0.1 })
    }

    let later = register changed
    Assert.Equal(later, register changed)
    Assert.Equal(Ok changed, ExperimentJson.read later)
    let deviation = Assert.Single(Preregistration.deviations folder.Path |> Result.orRaise)

    Assert.Equal<string>([ "rule.by: 0.5, now 0.1"; "seeds: [0,1,2], now [0,1,2,3,4]" ], List.sort deviation.Changes)

    Assert.Equal(text, File.ReadAllText(folder.File "experiment.json"))
    Assert.Equal(text, File.ReadAllText(register plain))
    Assert.Equal(2, (Preregistration.deviations folder.Path |> Result.orRaise).Length)
    Assert.Contains("- rule.by: 0.5, now 0.1", GridTable.markdown plain [] [ deviation ])

[<Fact>]
let ``a plan says what is missing, and estimates it by what was measured`` () =
    use folder = new TestFolder()
    let out = folder.File "grid"
    Assert.Equal(None, (GridPlan.look out (cells plain) |> Result.orRaise).Rate)

    // A run beside the grid's folder teaches how fast the machine is.
    let cell = cells plain |> List.find (fun cell -> Cell.name cell = "glem,alpha=0.9")
    make cell (folder.File "earlier") |> ignore
    let plan = GridPlan.look out (cells plain) |> Result.orRaise
    Assert.Equal(60.0, (GridPlan.estimate plan cell).Value, 1e-6)
    let whole = (GridPlan.ahead plan).Value

    run {
        request folder plain make with
            Output = out
            Cells = [ cell ]
    }
    |> ignore

    let left = (GridPlan.look out (cells plain) |> Result.orRaise |> GridPlan.missing).Length
    Assert.Equal(8, left)
    // 6 cells of EM, and 3 of no round, which cost less.
    Assert.InRange(whole, 6.0 * 60.0, 9.0 * 60.0)

/// Experiments through the program, with real training on a data set that takes seconds.
type GridCommandTests() =
    let small (folder: TestFolder) more =
        Colours.write (folder.File "colours")

        let experiment =
            experiment "small" {
                question "Which alpha?"
                recipe { Colours.recipe with Rounds = 1 }
                axis "alpha" [ 0.1; 0.9 ] alpha
                seeds [ 0; 1 ]
                controls [ Control.StaticTwoStage ]
                baseline "staticTwoStage"
                decide Student.Gnn "glem" 0.5
            }
            |> Result.orRaise

        folder.Write("small.json", ExperimentJson.write (more experiment))

    let files (folder: TestFolder) = Directory.GetFiles(folder.Path, "*", SearchOption.AllDirectories).Length

    [<Fact>]
    member _.``a dry run shows the cells and writes nothing``() =
        use folder = new TestFolder()
        small folder id
        let before = files folder
        let out = GlemProcess.succeeds folder.Path [ "grid"; "small.json"; "--dry-run" ]
        Assert.Equal(before, files folder)

        for part in
            [
                "6 runs"
                "3 cells"
                "glem,alpha=0.1"
                "staticTwoStage"
                "seeds 0 1, 0 there"
                "E-step 1"
                "stages, "
                "no estimate"
            ] do
            Assert.Contains(part, out)

    [<Fact>]
    member _.``a grid runs in one process or in several, reads what is there, and tells its verdict``() =
        use folder = new TestFolder()
        small folder id
        let out = GlemProcess.succeeds folder.Path [ "grid"; "small.json"; "--out"; "one" ]
        let table = File.ReadAllText(folder.File "one/table.md")
        Assert.Contains(table.Trim(), out)
        Assert.Matches(@"\| glem \| 0.1 \| 2 \|( \d+\.\d ± \d+\.\d \|){4}", table)
        Assert.Contains("Verdict: ", table)
        let page = File.ReadAllText(folder.File "one/report.md")

        for part in
            [
                "GNN: differences to staticTwoStage"
                "p, Holm"
                "In full: glem,alpha=0."
                "Each run by itself"
            ] do
            Assert.Contains(part, page)

        Assert.Contains("\"kind\":\"forest\"", File.ReadAllText(folder.File "one/report.html"))
        Assert.Matches(@"glem,alpha=0.9 seed 1: .*, valid LM .* GNN .*; \d of 6 runs", out)

        for file in [ "run.json"; "summary.json"; "metrics.jsonl"; "report.html" ] do
            Assert.True(File.Exists(folder.File $"one/cells/glem,alpha=0.9/seed1/%s{file}"), file)

        let again = GlemProcess.succeeds folder.Path [ "grid"; "small.json"; "--out"; "one" ]
        Assert.DoesNotContain("of 6 runs", again)
        Assert.Contains(table.Trim(), again)

        // The run's own command makes the same run again.
        let info = RunInfo.read (folder.File "one/cells/glem,alpha=0.9/seed1/run.json") |> Result.orRaise
        Assert.Contains("--seed 1", info.Command)
        Assert.Contains("--set eStep.pseudoWeight=0.9", info.Command)

        GlemProcess.runWith [ "OMP_NUM_THREADS", "2" ] folder.Path [
            "grid"
            "small.json"
            "--jobs"
            "2"
            "--out"
            "several"
        ]
        |> fun outcome -> Assert.True((outcome.Code = 0), outcome.Err + outcome.Out)

        Assert.Equal(
            6,
            Directory.GetFiles(folder.File "several/cells", "summary.json", SearchOption.AllDirectories).Length
        )

        Assert.True(File.Exists(folder.File "several/logs/worker1.log"))

    [<Fact>]
    member _.``a failed run is reported with code 1, the others are in the table, and it alone is run again``() =
        use folder = new TestFolder()

        small folder (fun experiment -> {
            experiment with
                Seeds = [ 0 ]
                Arms = [
                    {
                        Name = "exploding"
                        Settings = [ "lmFit.optimiser.learningRate=1E+30" ]
                        Pinned = true
                    }
                ]
        })

        let fails () =
            let outcome = GlemProcess.run folder.Path [ "grid"; "small.json"; "--out"; "out" ]
            Assert.Equal(1, outcome.Code)
            Assert.Contains("1 run failed", Assert.Single outcome.ErrorLines)
            Assert.Contains("exploding seed 0 failed: ", outcome.Out)
            Assert.Contains("| glem | 0.9 | 1 |", File.ReadAllText(folder.File "out/table.md"))
            outcome.Out

        Assert.Contains("of 4 runs", fails ())
        Assert.DoesNotContain("of 4 runs", fails ())

    [<Fact>]
    member _.``grid refuses what is no experiment, no shard and no number``() =
        use folder = new TestFolder()
        small folder id
        folder.Write("x.txt", "")
        folder.Write("bad.json", """{ "name": "x", "recipe": "scratch", "sedes": [1] }""")
        let refuses arguments parts = GlemProcess.refuses folder.Path ("grid" :: arguments) parts
        refuses [] [ "grid"; "no file" ]
        refuses [ "x.txt" ] [ "x.txt"; ".fsx or .json" ]
        refuses [ "none.json" ] [ "none.json"; "no such file" ]
        refuses [ "none.fsx" ] [ "none.fsx"; "no such file" ]
        refuses [ "bad.json" ] [ "bad.json"; "sedes" ]
        refuses [ "small.json"; "--shard"; "3/2" ] [ "--shard"; "3/2"; "k/N" ]
        refuses [ "small.json"; "--jobs"; "0" ] [ "--jobs" ]
        refuses [ "small.json"; "--seeds"; "0" ] [ "--seeds" ]
        refuses [ "small.json"; "--set"; "eStep.pseudoWeight=0.5" ] [ "--set"; "alpha" ]
        refuses [ "small.json"; "--set"; "dataset=nowhere" ] [ "dataset"; "nowhere" ]
