module Glem.Experiments.Tests.WatchTests

open System
open System.Diagnostics
open System.IO
open System.Text.Json
open System.Threading
open FsCheck
open FsCheck.FSharp
open Glem
open Xunit

let private start = DateTimeOffset(2026, 1, 31, 12, 0, 0, TimeSpan.Zero)

let private at seconds progress = {
    Time = start.AddSeconds seconds
    Progress = progress
}

/// A process of this machine that is gone.
let private dead () =
    use started = Process.Start(ProcessStartInfo("true")) |> nonNull

    let holder = {
        Holder.self () with
            Process = started.Id
    }

    started.WaitForExit()
    holder

let private stages = [
    "LM on gold"
    "GNN on embeddings"
    "E-step 1"
    "M-step 1"
    "E-step 2"
    "M-step 2"
]

let private story holder = [
    at 0.0 (Progress.Planned(holder, stages))
    at 0.5 (Progress.Kept("LM on gold", 30.0))
    at 1.0 (Progress.Began "GNN on embeddings")
    at 3.0 (Progress.Ended("GNN on embeddings", 2.0, Some 0.9))
    at 4.0 (Progress.Began "E-step 1")
    at 9.0 (Progress.Training("E-step 1", 25, 100, Some 0.875))
]

let private write (folder: string) (records: ProgressRecord list) =
    use log = ProgressLog.appendTo (RunFolder.progress folder) |> Result.orRaise
    records |> List.iter log.Append

/// A run in the making, as far as E-step 1.
let private making (folder: string) holder =
    RunInfo.write (RunFolder.info folder) (MadeUp.info 0 3) |> Result.orRaise
    write folder (story holder)
    use log = MetricLog.appendTo (RunFolder.metrics folder) |> Result.orRaise

    MadeUp.metrics (MadeUp.summary (Random 0))
    |> List.filter (fun metric -> metric.Iteration = 0)
    |> List.iter log.Append

let private text (lines: WatchLine list) = lines |> List.map _.Text |> String.concat "\n"

[<Fact>]
let ``progress is read back as it was written, without a torn last line`` () =
    use folder = new TestFolder()

    let records =
        story (Holder.self ())
        @ [
            at 10.0 (Progress.Training("E-step 1", 26, 100, None))
            at 11.0 Progress.Stopped
        ]

    write folder.Path records
    let file = RunFolder.progress folder.Path
    Assert.Equal<ProgressRecord list>(records, ProgressLog.read file |> Result.orRaise |> fst)
    File.AppendAllText(file, "{\"time\":\"2026")
    Assert.Equal<ProgressRecord list>(records, ProgressLog.read file |> Result.orRaise |> fst)

[<Fact>]
let ``what is left is what is left of the stage, and what other rounds and runs took`` () =
    let seen = story (Holder.self ()) |> List.fold WatchedStage.after []
    let left known seconds = WatchedStage.secondsLeft (Map known) (start.AddSeconds seconds) seen
    // A quarter in 5 s: 15 s more. The other stages are unknown.
    Assert.Equal(None, left [] 9.0)
    let known = [ "E-step 2", 21.0; "M-step 1", 2.0; "M-step 2", 3.0 ]
    Assert.Equal(Some(15.0 + 21.0 + 2.0 + 3.0), left known 9.0)

    let later =
        [
            at 24.0 (Progress.Ended("E-step 1", 20.0, None))
            at 24.0 (Progress.Began "M-step 1")
            at 28.0 (Progress.Ended("M-step 1", 4.0, None))
        ]
        |> List.fold WatchedStage.after seen

    // Its own rounds say more than others.
    Assert.Equal(Some 24.0, WatchedStage.secondsLeft (Map known) (start.AddSeconds 28.0) later)

[<Fact>]
let ``a run in the making shows its stages, its curve and who is gone`` () =
    use folder = new TestFolder()
    making folder.Path (Holder.self ())
    let run = WatchedRun.read folder.Path |> Result.orRaise
    Assert.Equal(RunState.Making, run.State)
    Assert.Equal<string list>(stages, run.Stages |> List.map _.Stage)
    Assert.Equal<int list>([ 0; 0 ], run.Curve |> List.map (fun (_, round, _) -> round))
    let picture = RunWatch.picture Map.empty (start.AddSeconds 9.0) run |> text

    for part in
        [
            "quickstart on made-up, seed 0"
            "LM on gold         kept from before (took 30 s)"
            "2.0 s, valid 90.0 %"
            "> E-step 1           █████░"
            "25 %  5 s so far, about 15 s to go, valid 87.5 %"
            "Validation accuracy"
        ] do
        Assert.Contains(part, picture)

    Assert.DoesNotContain("between two stages", picture)
    write folder.Path [ at 10.0 (Progress.Ended("E-step 1", 6.0, None)) ]
    let between = WatchedRun.read folder.Path |> Result.orRaise |> RunWatch.picture Map.empty start |> text
    Assert.Contains("It is between two stages", between)
    write folder.Path [ at 10.0 Progress.Stopped ]
    Assert.Equal(RunState.Stopped, (WatchedRun.read folder.Path |> Result.orRaise).State)
    use other = new TestFolder()
    making other.Path (dead ())
    Assert.Equal(RunState.Stopped, (WatchedRun.read other.Path |> Result.orRaise).State)

    Assert.Contains(
        "the same command goes on",
        RunWatch.picture Map.empty start (WatchedRun.read other.Path |> Result.orRaise) |> text
    )

[<Fact>]
let ``a finished run shows its curve over rounds`` () =
    use folder = new TestFolder()
    MadeUp.run folder.Path 2 3
    let run = WatchedRun.read folder.Path |> Result.orRaise
    let picture = RunWatch.picture Map.empty start run |> text
    Assert.Contains("Finished", picture)
    Assert.Contains("round      0      1      2      3", picture)
    let chart = picture.Split '\n' |> Array.filter _.Contains('│')
    Assert.Equal(8, chart.Length)
    let marks letter = chart |> Seq.collect id |> Seq.filter ((=) letter) |> Seq.length
    Assert.InRange(marks 'L', 3, 4)
    Assert.Equal(4, marks 'G')

[<Fact>]
let ``a curve's ends stand in the corners, and its dots rise with it`` () =
    match
        TextChart.draw 10 4 [
            {
                Mark = 'x'
                Points = [ 0.0, 80.0; 1.0, 90.0 ]
            }
        ]
    with
    | [ top; second; third; bottom ] ->
        Assert.Equal("90.0 │", top.Substring(0, 6))
        Assert.Equal("80.0 │", bottom.Substring(0, 6))
        Assert.Equal('x', top[15])
        Assert.Equal('x', bottom[6])
        let first (line: string) = line.Substring 6 |> Seq.findIndex (fun letter -> letter <> ' ')
        Assert.True(first top > first second && first second > first third && first third > first bottom)
    | other -> failwith $"%A{other}"

[<Fact>]
let ``a chart is as large as asked, whatever the curves`` () =
    let property (points: (NormalFloat * NormalFloat) list) (PositiveInt width) (PositiveInt height) =
        let width, height = width + 1, height + 1
        let points = [ for NormalFloat x, NormalFloat y in points -> x % 1e6, y % 1e6 ] |> List.sortBy fst
        let lines = TextChart.draw width height [ { Mark = 'o'; Points = points } ]

        if points.IsEmpty then
            lines.IsEmpty
        else
            let plots = lines |> List.map (fun line -> line.Substring(line.IndexOf '│' + 1))

            lines.Length = height
            && plots |> List.forall (fun plot -> plot.Length <= width)
            && String.exists ((=) 'o') (String.concat "" plots)

    Check.One(Config.QuickThrowOnFailure, property)

[<Fact>]
let ``a bar is as long as asked and fuller for more`` () =
    let property (PositiveInt width) (NormalFloat a) (NormalFloat b) =
        let low, high = min a b, max a b

        let filled share =
            TextChart.bar width share
            |> Seq.sumBy (fun letter -> if letter = '░' then 0 else 0x2590 - int letter)

        (TextChart.bar width a).Length = width && filled low <= filled high

    Check.One(Config.QuickThrowOnFailure, property)
    Assert.Equal("██▌░", TextChart.bar 4 0.625)

[<Fact>]
let ``a witness writes down what it sees, and nothing stays of a whole run`` () =
    use folder = new TestFolder()
    let file = RunFolder.progress folder.Path

    (use logged = new LoggedWitness(Witness.silent)
     let witness: IWitness = logged
     // Before there is a folder nothing can be written.
     Assert.Equal(1, witness.During("tokenizer", fun () -> 1))
     logged.Begin(folder.Path, [ "a"; "b" ])
     witness.Kept("a", 3.0)
     Assert.Equal(2, witness.During("b", fun () -> 2)))

    let events = ProgressLog.read file |> Result.orRaise |> fst |> List.map _.Progress

    match events with
    | [ Progress.Planned(holder, [ "a"; "b" ])
        Progress.Kept("a", 3.0)
        Progress.Began "b"
        Progress.Ended("b", _, None)
        Progress.Stopped ] -> Assert.Equal(Environment.ProcessId, holder.Process)
    | other -> failwith $"%A{other}"

    (use logged = new LoggedWitness(Witness.silent)
     logged.Begin(folder.Path, [])
     logged.Complete folder.Path)

    Assert.False(File.Exists file)

/// Looks at a run while it trains.
type private Onlooker(output: string) =
    let seen = ResizeArray<WatchedRun>()
    member _.Seen = List.ofSeq seen

    interface IWitness with
        member _.During(_, work) = work ()
        member _.Kept(_, _) = ()

        member _.Watch _ _ =
            for folder in WatchedRun.inTheMaking output do
                WatchedRun.read folder |> Result.orRaise |> seen.Add

[<Fact>]
let ``a run can be watched from its first step to its last, and leaves what it always left`` () =
    use folder = new TestFolder()
    let output = folder.File "run"
    let onlooker = Onlooker output

    let request: TrialRequest = {
        Recipe = Colours.recipe
        Dataset = Colours.dataset.Value
        Seed = 3
        Compute = Compute.automatic ()
        Output = output
        Store = Store.none
        Command = "a test"
    }

    Trial.run request onlooker |> Result.orRaise |> ignore
    Assert.NotEmpty onlooker.Seen

    for run in onlooker.Seen do
        Assert.Equal(RunState.Making, run.State)
        Assert.NotEmpty run.Stages

    let last = List.last onlooker.Seen
    Assert.StartsWith("M-step", (List.last last.Stages).Stage)

    for stage in last.Stages do
        match stage.State with
        | StageState.Ended _ -> ()
        | StageState.Ahead when stage.Stage.StartsWith "masked" -> ()
        | other -> Assert.Fail $"%s{stage.Stage} is %A{other}"

    Assert.False(File.Exists(RunFolder.progress output))
    Assert.Empty(WatchedRun.inTheMaking output)

let private small =
    experiment "small" {
        question "Which seed?"
        recipe Colours.recipe
        seeds [ 0..3 ]
    }
    |> Result.orRaise

/// A grid with one run done, one in the making, one that failed, and one to come.
let private grid (out: string) =
    Preregistration.register out small |> Result.orRaise |> ignore

    match Experiment.cells small |> Result.orRaise with
    | whole :: running :: failed :: _ ->
        let info (cell: Cell) = {
            MadeUp.info cell.Seed 3 with
                Configuration = JsonSerializer.SerializeToElement(Settings.toJson cell.Recipe)
        }

        let folder = CellFolder.run out whole
        MadeUp.run folder 0 3
        RunInfo.write (RunFolder.info folder) (info whole) |> Result.orRaise
        CellFolder.finish out whole 100.0 |> Result.orRaise
        let folder = CellFolder.run out running + ".partial-20260131-120000-00000000"
        making folder (Holder.self ())
        CellFolder.fail out failed "no memory" |> Result.orRaise
        whole, running, failed
    | cells -> failwith $"%d{cells.Length} cells"

[<Fact>]
let ``a grid shows what is done, runs, failed and waits, and how long the rest takes`` () =
    use folder = new TestFolder()
    let _, running, _ = grid folder.Path
    let before = WatchedGrid.read folder.Path None |> Result.orRaise
    let picture = GridWatch.picture (start.AddSeconds 9.0) before |> text

    for part in
        [
            "small: Which seed?"
            "1 of 4 runs done, 1 failed, 1 running, 1 waiting; about 3 min of work left"
            $"> %s{Cell.name running} seed 1: E-step 1 25 %%, 5 s so far, about 15 s to go, valid 87.5 %%"
            "seed 2 failed: no memory"
            "1/4"
        ] do
        Assert.Contains(part, picture)

    Assert.Empty(GridWatch.news before before)
    let out = CellFolder.run folder.Path running
    Directory.Delete(WatchedRun.inTheMaking out |> List.exactlyOne, true)
    let gone = WatchedGrid.read folder.Path (Some before) |> Result.orRaise
    Assert.Equal(WatchedCell.Waiting, gone.Cells |> List.find (fst >> (=) running) |> snd)
    CellFolder.fail folder.Path running "out of patience" |> Result.orRaise
    let after = WatchedGrid.read folder.Path (Some before) |> Result.orRaise
    Assert.Equal("glem seed 1 failed: out of patience", GridWatch.news before after |> Assert.Single)
    Assert.False(WatchedGrid.hasEnded after)

let private contents (folder: TestFolder) =
    Directory.GetFileSystemEntries(folder.Path, "*", SearchOption.AllDirectories)
    |> Array.sort
    |> Array.map (fun path -> path, File.GetLastWriteTimeUtc path)

[<Fact>]
let ``--once prints how a run and a grid stand, and touches nothing`` () =
    use folder = new TestFolder()
    grid (folder.File "grid") |> ignore
    MadeUp.run (folder.File "whole") 0 3
    making (folder.File "run.partial-20260131-120000-00000000") (dead ())
    let before = contents folder
    let once name = GlemProcess.succeeds folder.Path [ "watch"; name; "--once" ]
    Assert.Contains("1 of 4 runs done", once "grid")
    Assert.Contains("Finished", once "whole")
    Assert.Contains("stopped before it was whole", once "run")
    Assert.Contains("stopped before it was whole", once "run.partial-20260131-120000-00000000")
    Assert.Equal<(string * DateTime)[]>(before, contents folder)
    GlemProcess.refuses folder.Path [ "watch"; "other"; "--once" ] [ "other"; "no run" ]

[<Fact>]
let ``without a terminal a line is printed for each change, until the run is whole`` () =
    use folder = new TestFolder()
    let partial = folder.File "run.partial-20260131-120000-00000000"
    making partial (Holder.self ())

    let finish () =
        Thread.Sleep 6000
        write partial [ at 30.0 (Progress.Ended("E-step 1", 26.0, Some 0.89)) ]
        Thread.Sleep 2000
        File.Delete(RunFolder.progress partial)
        Summary.write (RunFolder.summary partial) (MadeUp.summary (Random 0)) |> Result.orRaise
        Directory.Move(partial, folder.File "run")

    let other = Thread(finish, IsBackground = true)
    other.Start()
    let out = GlemProcess.succeeds folder.Path [ "watch"; "run" ]
    other.Join()
    Assert.Contains("> E-step 1", out)
    Assert.Contains("\nE-step 1: 26.0 s, valid 89.0 %\n", out)
    Assert.Contains("Finished", out)

[<Fact>]
let ``watching a run that is given up ends with 1 and says so`` () =
    use folder = new TestFolder()
    making (folder.File "run.partial-20260131-120000-00000000") (dead ())
    let outcome = GlemProcess.run folder.Path [ "watch"; "run" ]
    Assert.Equal(1, outcome.Code)
    Assert.Contains("stopped before it was whole", Assert.Single outcome.ErrorLines)
