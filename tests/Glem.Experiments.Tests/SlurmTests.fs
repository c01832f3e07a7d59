namespace Glem.Experiments.Tests

open System
open System.Diagnostics
open System.IO
open System.Text.Json
open System.Threading
open Glem
open Xunit

/// Grids on a real Slurm, with real training on a data set that takes seconds.
type SlurmTests(cluster: SlurmCluster) =
    let alpha value (recipe: Recipe) = {
        recipe with
            EStep = {
                recipe.EStep with
                    PseudoWeight = [ value ]
            }
    }

    let small =
        experiment "small" {
            question "Which alpha?"
            recipe { Colours.recipe with Rounds = 1 }
            axis "alpha" [ 0.1; 0.9 ] alpha
            seeds [ 0; 1 ]
            decide Student.Gnn "glem,alpha=0.9" 0.5
            baseline "glem,alpha=0.1"
        }
        |> Result.orRaise

    let write (folder: TestFolder) experiment =
        Colours.write (folder.File "colours")
        folder.Write("small.json", ExperimentJson.write experiment)

    // Bits depend on the number of threads and on BLAS's kernels: both as a task has them.
    let environment = [
        "OMP_NUM_THREADS", "1"
        if
            (File.ReadAllText "/proc/cpuinfo").Contains "AuthenticAMD"
            && (File.ReadAllText "/proc/cpuinfo").Contains "avx512bw"
        then
            "OPENBLAS_CORETYPE", "SKYLAKEX"
        yield! cluster.Environment
    ]

    let glem (folder: TestFolder) arguments = GlemProcess.runWith environment folder.Path arguments

    let succeeds folder arguments =
        let outcome = glem folder arguments
        Assert.True((outcome.Code = 0), outcome.Err + outcome.Out)
        outcome.Out

    let submit folder out more =
        succeeds
            folder
            ([
                "grid"
                "small.json"
                "--out"
                out
                "--slurm"
                "--cpus"
                "1"
                "--store"
                "store of slurm"
             ]
             @ more)

    let status folder out = JsonDocument.Parse(succeeds folder [ "grid"; "status"; out; "--json" ]).RootElement

    let count (status: JsonElement) (state: string) = status.GetProperty(state).GetInt32()

    /// State and reason of a cell.
    let cell (status: JsonElement) (name: string) seed =
        status.GetProperty("cells").EnumerateArray()
        |> Seq.find (fun cell ->
            cell.GetProperty("cell").GetString() = name && cell.GetProperty("seed").GetInt32() = seed)

    let text (cell: JsonElement) (key: string) = cell.GetProperty(key).GetString() |> string
    let submissions (folder: TestFolder) (out: string) = SlurmSubmission.all (folder.File out) |> Result.orRaise

    let cellsOf (submission: SlurmSubmission) =
        submission.Jobs |> List.collect _.Tasks |> List.collect _.Cells |> List.sort

    let drain () = cluster.Drain(TimeSpan.FromMinutes 3.0)

    [<Fact>]
    member _.``a grid on Slurm ends as on this machine, in a folder with blanks, what is shared first and the report last``
        ()
        =
        use folder = new TestFolder()
        write folder small
        let out = "a grid's \"folder\""
        let said = submit folder out []
        Assert.Contains("first: 2 runs in 2 tasks", said)
        Assert.Contains("rest: 2 runs in 2 tasks", said)
        let submission = Assert.Single(submissions folder out)
        // A second time, whatever Slurm has begun by then: all of it is in the queue, running or done.
        Assert.Contains("Nothing to submit", submit folder out [])
        succeeds folder [ "grid"; "small.json"; "--out"; "here"; "--store"; "store of here" ] |> ignore
        drain ()
        let states = cluster.Ask "squeue" [ "--noheader"; "--array"; "--states=all"; "--format=%F|%T|%S|%e" ]

        let times number =
            states.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            |> Array.map _.Split('|')
            |> Array.filter (fun fields -> fields[0] = number)

        let number name = (submission.Jobs |> List.find (fun job -> job.Name = name)).Id.Value

        for name in [ "first"; "rest"; "report" ] do
            for task in times (number name) do
                Assert.Equal("COMPLETED", task[1])

        let last name = times (number name) |> Array.map (fun task -> task[3]) |> Array.max
        let earliest name = times (number name) |> Array.map (fun task -> task[2]) |> Array.min
        Assert.True(String.CompareOrdinal(last "first", earliest "rest") <= 0, states)
        Assert.True(String.CompareOrdinal(last "rest", earliest "report") <= 0, states)
        // What the first ones brought was computed once.
        let store = Store.Open(folder.File "store of slurm") |> Result.orRaise
        Assert.Equal(2, store.Manifests |> List.filter (fun stage -> stage.Kind = "lm") |> List.length)

        for file in
            [
                "table.md"
                "cells/glem,alpha=0.1/seed0/metrics.jsonl"
                "cells/glem,alpha=0.9/seed1/metrics.jsonl"
                "cells/glem,alpha=0.9/seed1/predictions.csv"
            ] do
            Assert.Equal(
                File.ReadAllText(folder.File $"here/%s{file}"),
                File.ReadAllText(folder.File $"%s{out}/%s{file}")
            )

        Assert.True(File.Exists(folder.File $"%s{out}/report.html"))
        let status = status folder out
        Assert.Equal(4, count status "done")
        Assert.Contains("small: 4 of 4 runs done", succeeds folder [ "grid"; "status"; out ])
        Assert.Contains("Nothing to submit: 4 runs done", submit folder out [])

    [<Fact>]
    member _.``what failed and what was cancelled is told with its reason, and is submitted again alone``() =
        use folder = new TestFolder()

        write folder {
            small with
                Arms = [
                    {
                        Name = "exploding"
                        Settings = [ "lmFit.optimiser.learningRate=1E+30" ]
                        Pinned = true
                    }
                ]
        }

        let out = "out"
        // One at a time, so that some are done and some wait when they are cancelled.
        submit folder out [ "--jobs"; "1" ] |> ignore
        let clock = Stopwatch.StartNew()
        let isDone () = count (status folder out) "done" > 0

        while not (isDone ()) do
            Assert.True(clock.Elapsed < TimeSpan.FromMinutes 2.0, cluster.Ask "squeue" [])
            Thread.Sleep 200

        cluster.Ask "scancel" (SlurmSubmission.ids (submissions folder out)) |> ignore
        drain ()
        let stopped = status folder out
        Assert.Equal(0, count stopped "running" + count stopped "waiting")
        Assert.Equal(6, count stopped "done" + count stopped "failed" + count stopped "open")
        let isOpen (cell: JsonElement) = text cell "state" <> "done"

        let left =
            [
                for cell in stopped.GetProperty("cells").EnumerateArray() do
                    if isOpen cell then
                        text cell "cell", cell.GetProperty("seed").GetInt32()
            ]
            |> List.sort

        Assert.NotEmpty left

        for cell in stopped.GetProperty("cells").EnumerateArray() do
            match cell.TryGetProperty "log" with
            | true, log -> Assert.True(File.Exists(string log), string log)
            // It never began.
            | _ -> Assert.Equal("failed", text cell "state")

        for name, seed in left do
            if name <> "exploding" then
                Assert.Contains("CANCELLED", text (cell stopped name seed) "why")

        submit folder out [] |> ignore
        let again = submissions folder out |> List.last
        Assert.Equal<(string * int) list>(left, cellsOf again)
        drain ()
        let ended = status folder out
        Assert.Equal(4, count ended "done")
        Assert.Equal(2, count ended "failed")
        let failed = cell ended "exploding" 0
        Assert.Contains("found NaN", text failed "why")
        Assert.Contains("error: ", File.ReadAllText(text failed "log"))
        Assert.Contains("exploding", succeeds folder [ "grid"; "status"; out ])
        Assert.Contains("| glem | 0.9 | 2 |", File.ReadAllText(folder.File $"%s{out}/table.md"))
        // Only what failed.
        submit folder out [] |> ignore
        let third = submissions folder out |> List.last
        Assert.Equal<(string * int) list>([ "exploding", 0; "exploding", 1 ], cellsOf third)
        drain ()

    [<Fact>]
    member _.``what Slurm refuses is shown as it says it, with the command, and leaves nothing in the queue``() =
        use folder = new TestFolder()
        write folder small

        let outcome =
            glem folder [
                "grid"
                "small.json"
                "--out"
                "out"
                "--slurm"
                "--cpus"
                "1"
                "--partition"
                "nowhere"
            ]

        Assert.Equal(2, outcome.Code)
        let line = Assert.Single outcome.ErrorLines

        for part in
            [
                "error: "
                "sbatch --parsable"
                "--partition=nowhere"
                "invalid partition specified: nowhere"
            ] do
            Assert.Contains(part, line)

        Assert.Empty(submissions folder "out")
        Assert.Equal("", (cluster.Ask "squeue" [ "--noheader" ]).Trim())

    interface IClassFixture<SlurmCluster>

/// What needs no Slurm.
type SlurmCommandTests() =
    let small =
        experiment "small" {
            question "Which alpha?"
            recipe { Colours.recipe with Rounds = 1 }
            seeds [ 0; 1 ]
            controls [ Control.StaticTwoStage ]
        }
        |> Result.orRaise

    let write (folder: TestFolder) =
        Colours.write (folder.File "colours")
        folder.Write("small.json", ExperimentJson.write small)

    let withoutSlurm = [ "PATH", "/nowhere" ]

    [<Fact>]
    member _.``a dry run prints what Slurm would be given, writes nothing, and needs no Slurm``() =
        use folder = new TestFolder()
        write folder
        let before = Directory.GetFiles(folder.Path, "*", SearchOption.AllDirectories).Length

        let outcome =
            GlemProcess.runWith withoutSlurm folder.Path [
                "grid"
                "small.json"
                "--out"
                "it's here"
                "--slurm"
                "--dry-run"
                "--jobs"
                "3"
                "--partition"
                "small"
                "--slurm-option=account=kite"
            ]

        Assert.True((outcome.Code = 0), outcome.Err)

        for part in
            [
                "#!/bin/bash"
                "first: 2 runs in 2 tasks"
                "rest: 2 runs in 2 tasks"
                "report: the table and the page"
                "--array=0-1%3"
                "--dependency=afterany:first"
                "--dependency=afterany:first:rest"
                "--partition=small"
                "--account=kite"
                @"it'\''s here/experiment.json'"
                "Nothing is submitted"
            ] do
            Assert.Contains(part, outcome.Out)

        Assert.Equal(before, Directory.GetFiles(folder.Path, "*", SearchOption.AllDirectories).Length)

    [<Fact>]
    member _.``options that make no sense, and a machine without Slurm, end before anything is written``() =
        use folder = new TestFolder()
        write folder

        let refuses more parts =
            GlemProcess.refusesWith withoutSlurm folder.Path ([ "grid"; "small.json" ] @ more) parts

        refuses [ "--slurm" ] [ "sbatch"; "missing" ]
        refuses [ "--partition"; "small" ] [ "--partition"; "without --slurm" ]
        refuses [ "--slurm"; "--cpus"; "0" ] [ "--cpus"; "from 1" ]
        refuses [ "--slurm"; "--slurm-option"; "array=3" ] [ "--slurm-option"; "array" ]
        GlemProcess.refusesWith withoutSlurm folder.Path [ "grid"; "status"; "." ] [ "preregistration.json" ]

    [<Fact>]
    member _.``status follows a grid that no Slurm has``() =
        use folder = new TestFolder()
        write folder
        let out = folder.File "out"
        Preregistration.register out small |> Result.orRaise |> ignore
        let cells = Experiment.cells small |> Result.orRaise
        let failed, running = cells[0], cells[1]
        CellFolder.fail out failed "no more memory" |> Result.orRaise
        use _ = (CellFolder.tryClaim out running).Value
        let outcome = GlemProcess.runWith withoutSlurm folder.Path [ "grid"; "status"; "out" ]
        Assert.Equal("", outcome.Err)
        Assert.Contains("small: 0 of 4 runs done, 1 running, 1 failed, 2 open", outcome.Out)
        Assert.Matches($@"glem +seed 0  failed +no more memory", outcome.Out)

        Assert.Matches(
            $@"staticTwoStage +seed 0  running +process {Environment.ProcessId} on .+ since .+ UTC",
            outcome.Out
        )
