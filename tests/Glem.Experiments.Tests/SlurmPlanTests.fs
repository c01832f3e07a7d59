module Glem.Experiments.Tests.SlurmPlanTests

open System
open System.IO
open FsCheck
open FsCheck.FSharp
open Glem
open Xunit

let private cell name seed cost : Cell = {
    Arm = name
    Levels = []
    Control = None
    Part = CellPart.Whole
    Recipe = { Colours.recipe with Rounds = cost }
    Seed = seed
}

let private key (name: string) = (StageSpec.create "lm" name (nonNull (Text.Json.Nodes.JsonValue.Create name)) []).Key

/// Cells that want some of a few models each.
let private wanted = gen {
    let! count = Gen.choose (0, 24)

    let one i = gen {
        let! models = Gen.elements [ "a"; "b"; "c"; "d"; "e" ] |> Gen.listOf |> Gen.resize 2
        let! cost = Gen.choose (0, 9)
        return cell $"arm%d{i}" 0 cost, models |> List.distinct |> List.map key
    }

    let rec all i = gen {
        if i = count then
            return []
        else
            let! head = one i
            let! tail = all (i + 1)
            return head :: tail
    }

    return! all 0
}

let private forAllPlans law =
    let settings = Gen.zip (Gen.zip wanted (Gen.choose (1, 6))) (Gen.elements [ false; true ])

    Check.One(
        Config.QuickThrowOnFailure.WithQuietOnSuccess true,
        Prop.forAll (Arb.fromGen settings) (fun ((wanted, most), isGated) ->
            let base' = if isGated then Some(cell "base" 0 1, [ key "a" ]) else None
            law wanted (SlurmPlan.make most base' wanted) most isGated)
    )

let private named name (jobs: SlurmJob list) = jobs |> List.tryFind (fun job -> job.Name = name)
let private cellsOf (job: SlurmJob option) = job |> Option.map (_.Tasks >> List.concat) |> Option.defaultValue []

[<Fact>]
let ``every cell is in one task of a plan`` () =
    forAllPlans (fun wanted jobs most _ ->
        let planned =
            jobs |> List.collect (_.Tasks >> List.concat) |> List.map Cell.name |> List.filter ((<>) "base")

        List.sort planned = List.sort (wanted |> List.map (fst >> Cell.name))
        && jobs |> List.forall (fun (job: SlurmJob) -> job.Tasks.Length <= most || job.Tasks.Length = 1))

[<Fact>]
let ``what a cell waits for is brought by a job before its own, and no two cells that begin together bring the same``
    ()
    =
    forAllPlans (fun wanted jobs _ isGated ->
        // The gate's run brings a model too.
        let wanted =
            wanted
            |> List.map (fun (cell, keys) -> cell, (if isGated then List.except [ key "a" ] keys else keys))

        let models = wanted |> List.map (fun (cell, keys) -> Cell.name cell, Set keys) |> Map
        let keysOf cell = models[Cell.name cell]
        let ahead = cellsOf (named SlurmPlan.first jobs)
        let brought = ahead |> List.map keysOf |> Set.unionMany

        let shared =
            wanted |> List.collect snd |> List.countBy id |> List.filter (snd >> (<) 1) |> List.map fst |> Set

        let sharedOf = keysOf >> Set.intersect shared
        let rest = cellsOf (named SlurmPlan.rest jobs)

        rest |> List.forall (fun cell -> not (Set.intersect (sharedOf cell) brought).IsEmpty)
        && (ahead |> List.sumBy (sharedOf >> Set.count)) = (ahead |> List.map sharedOf |> Set.unionMany |> Set.count)
        && cellsOf (named SlurmPlan.free jobs) |> List.forall (sharedOf >> Set.isEmpty)
        && (rest.IsEmpty || (named SlurmPlan.rest jobs).Value.After = [ SlurmPlan.first ]))

[<Fact>]
let ``a gate goes before all cells, and the report after all jobs`` () =
    forAllPlans (fun _ jobs _ isGated ->
        let report = List.last jobs
        let others = jobs |> List.take (jobs.Length - 1)

        report.Name = SlurmPlan.report
        && report.After = (others |> List.map _.Name)
        && (named SlurmPlan.gate jobs).IsSome = isGated
        && others
           |> List.forall (fun job ->
               job.Name = SlurmPlan.gate || job.After.IsEmpty = (not isGated && job.Name <> SlurmPlan.rest)))

[<Fact>]
let ``where tasks take several cells they cost about the same, and the costliest come first`` () =
    let cells = [ for i in 1..30 -> cell $"arm%d{i}" 0 (i % 7) ]
    let costs = SlurmPlan.tasks 5 cells |> List.map (List.sumBy (fun cell -> CellCost.units cell.Recipe))
    Assert.Equal(5, costs.Length)
    Assert.Equal<float>(List.sortDescending costs, costs)
    // Longest processing time first is within 4/3 of the best split, whose largest part is at least the mean.
    Assert.InRange(costs.Head / List.average costs, 1.0, 4.0 / 3.0)
    let alone = SlurmPlan.tasks 30 cells
    Assert.True(alone |> List.forall (fun task -> task.Length = 1))
    Assert.Equal(6, alone.Head.Head.Recipe.Rounds)

let private options = {
    Partition = None
    Time = Some "2:00:00"
    Memory = Some "8G"
    Cpus = 3
    AtOnce = Some 7
    Tasks = 1000
    Others = [ "account=two words"; "exclusive" ]
}

[<Fact>]
let ``sbatch's words say what a task may take, how many run at a time, and what it waits for`` () =
    let job: SlurmJob = {
        Name = SlurmPlan.rest
        After = [ SlurmPlan.first ]
        Tasks = [ [ cell "glem" 0 1 ]; [ cell "glem" 1 1 ] ]
    }

    let words = SlurmScript.sbatch options "my grid" "/a b" "/a b/100%/slurm/x" job [ "17"; "18" ]
    Assert.Equal("sbatch", words.Head)
    Assert.Equal<string>([ "/a b/100%/slurm/x/task.sh"; "rest" ], words |> List.skip (words.Length - 2))

    for word in
        [
            "--parsable"
            "--job-name=glem-my%0020grid-rest"
            "--chdir=/a b"
            // Slurm puts the task's number for %a, and % for %%.
            "--output=/a b/100%%/slurm/x/rest-%a.log"
            "--time=2:00:00"
            "--mem=8G"
            "--cpus-per-task=3"
            "--array=0-1%7"
            "--dependency=afterany:17:18"
            "--account=two words"
            "--exclusive"
        ] do
        Assert.Contains(word, words)

    Assert.DoesNotContain(words, fun word -> word.StartsWith "--partition")

    let report = {
        job with
            Name = SlurmPlan.report
            Tasks = [ [] ]
    }

    let words = SlurmScript.sbatch { options with AtOnce = None } "g" "/" "/x" report []
    Assert.Contains("--cpus-per-task=1", words)
    Assert.Contains("--array=0-0", words)
    Assert.DoesNotContain(words, fun word -> word.StartsWith "--dependency")

[<Fact>]
let ``a shell reads the script's paths as they are, whatever they hold`` () =
    use folder = new TestFolder()
    let odd = "it's a \"grid\" of $HOME `date` \\ 100% ; ü"

    let words = [
        folder.File "stub it's"
        "grid"
        $"/%s{odd}/experiment.json"
        "--out"
        $"/%s{odd}"
        ""
        "*"
    ]

    folder.Write("stub it's", "#!/bin/bash\nprintf '%s\\n' \"$@\" \"$OMP_NUM_THREADS\"\n")
    File.SetUnixFileMode(folder.File "stub it's", UnixFileMode.UserRead ||| UnixFileMode.UserExecute)
    folder.Write("task.sh", SlurmScript.text words $"/%s{odd}/submission.json")

    let outcome =
        GlemProcess.start "bash" folder.Path (TimeSpan.FromSeconds 30.0) [
            "SLURM_ARRAY_TASK_ID", "3"
            "SLURM_CPUS_PER_TASK", "2"
            "OMP_NUM_THREADS", "64"
        ] [ "task.sh"; "rest" ]

    Assert.Equal("", outcome.Err)

    Assert.Equal<string>(
        words.Tail @ [ "--task"; $"/%s{odd}/submission.json"; "rest.3"; "2"; "" ],
        outcome.Out.Split '\n'
    )

[<Fact>]
let ``a submission is read back as it was written, and tells each cell's last task`` () =
    use folder = new TestFolder()
    let task cells log : SubmittedTask = { Cells = cells; Log = log }

    let submission name id cells =
        let path = folder.File $"slurm/%s{name}"

        {
            Folder = path
            Time = "2026-12-01T00:00:00Z"
            Jobs = [
                {
                    Name = SlurmPlan.rest
                    Id = id
                    Command = "sbatch --chdir='/it'\\''s'"
                    Tasks = [
                        for i, cell in List.indexed cells -> task [ cell ] (Path.Combine(path, $"rest-%d{i}.log"))
                    ]
                }
            ]
        }

    let old = submission "20261201-000000" (Some "17") [ "glem,alpha=0.1", 0; "glem,alpha=0.1", 1 ]
    let later = submission "20261201-000001" (Some "18") [ "glem,alpha=0.1", 1 ]
    // Its submission was interrupted: Slurm may or may not have it, and nobody knows its number.
    let lost = submission "20261201-000002" None [ "glem,alpha=0.1", 0 ]

    for one in [ later; old; lost ] do
        SlurmSubmission.write one |> Result.orRaise

    let all = SlurmSubmission.all folder.Path |> Result.orRaise
    Assert.Equal<SlurmSubmission list>([ old; later; lost ], all)
    Assert.Equal<string list>([ "17"; "18" ], SlurmSubmission.ids all)
    let number cell = SlurmSubmission.taskOf all cell |> Option.map fst
    Assert.Equal(Some "17_0", number ("glem,alpha=0.1", 0))
    Assert.Equal(Some "18_0", number ("glem,alpha=0.1", 1))
    Assert.Equal(None, number ("glem,alpha=0.9", 1))
    Assert.Equal(Ok [ "glem,alpha=0.1", 1 ], SlurmSubmission.cells "rest.1" old)

    match SlurmSubmission.cells "rest.2" old with
    | Error error -> Assert.Contains("rest.2", GlemError.message error)
    | Ok _ -> Assert.Fail "there is no third task"

    folder.Write("slurm/20261201-000001/submission.json", "{")
    Assert.True((SlurmSubmission.all folder.Path).IsError)

[<Fact>]
let ``squeue's lines tell each task's state`` () =
    let queue =
        Slurm.parseQueue
            "17_0|RUNNING|node1|None\n17_1|PENDING||Dependency\n18_3|TIMEOUT|node2|TimeLimit\n19_0|PENDING||(a|b)\n"

    Assert.Equal(4, queue.Count)
    Assert.Equal("node1", queue["17_0"].Node)
    Assert.True(Slurm.isPending queue["17_1"])
    Assert.Equal("Dependency", queue["17_1"].Reason)
    Assert.True(Slurm.hasEnded queue["18_3"])
    Assert.False(Slurm.hasEnded queue["17_0"])
    Assert.Equal("(a|b)", queue["19_0"].Reason)
    Assert.Empty(Slurm.parseQueue "")

let private claim task : CellClaim = {
    Holder = Holder.self ()
    Since = DateTime.UtcNow
    Task = task
}

let private queueOf state =
    Some(
        Map [
            "17_0",
            {
                State = state
                Node = "node1"
                Reason = "Priority"
            }
        ]
    )

let private missing = Ok CellState.Missing

[<Fact>]
let ``a cell's state comes from its folder, then its claim, then Slurm`` () =
    let task = Some "17_0"
    let isWaiting progress = Assert.True((progress: CellProgress).IsWaiting)

    let isFailed (part: string) progress =
        match progress with
        | CellProgress.Failed why -> Assert.Contains(part, why)
        | other -> Assert.Fail $"%A{other}"

    let held = Some(claim task, false)
    let left = Some(claim task, true)
    Assert.Equal(CellProgress.Open, GridStatus.progress (Some Map.empty) None None missing)

    GridStatus.progress (queueOf "RUNNING") task None (Ok(CellState.Failed "no memory"))
    |> isFailed "no memory"

    Assert.Equal(CellProgress.Waiting "Priority", GridStatus.progress (queueOf "PENDING") task None missing)
    GridStatus.progress (queueOf "RUNNING") task None missing |> isWaiting
    GridStatus.progress None task None missing |> isWaiting
    Assert.True((GridStatus.progress (queueOf "RUNNING") task held missing).IsRunning)
    // It is on another node: only Slurm knows that it is gone.
    GridStatus.progress (queueOf "OUT_OF_MEMORY") task held missing |> isFailed "OUT_OF_MEMORY"
    GridStatus.progress (Some Map.empty) task held missing |> isFailed "without a result"
    Assert.True((GridStatus.progress None task held missing).IsRunning)
    GridStatus.progress (queueOf "COMPLETING") task left missing |> isWaiting
    GridStatus.progress (queueOf "TIMEOUT") task None missing |> isFailed "TIMEOUT"
    // It had nothing against its end: the gate or the budget kept the cell out.
    Assert.Equal(CellProgress.Open, GridStatus.progress (queueOf "COMPLETED") task None missing)
    // Without Slurm.
    Assert.True((GridStatus.progress (Some Map.empty) None (Some(claim None, false)) missing).IsRunning)
    GridStatus.progress (Some Map.empty) None (Some(claim None, true)) missing |> isFailed "process"

[<Fact>]
let ``a claim says who holds it, and a look at it keeps nobody from it`` () =
    use folder = new TestFolder()
    let path = folder.File ".claims/glem,seed0"
    Assert.Equal(None, CellClaim.read path)
    let held = CellClaim.take path |> Option.get
    let seen = CellClaim.read path |> Option.get
    Assert.Equal(Environment.ProcessId, seen.Holder.Process)
    Assert.False(Holder.isGone seen.Holder)
    Assert.InRange(seen.Since, DateTime.UtcNow.AddMinutes -1.0, DateTime.UtcNow)
    Assert.True((CellClaim.take path).IsNone)
    held.Dispose()
    Assert.Equal(None, CellClaim.read path)
    (CellClaim.take path |> Option.get).Dispose()

[<Fact>]
let ``sbatch's options that Glem sets itself are refused`` () =
    Assert.Equal(Ok "account=kite", SlurmOptions.other "account=kite")
    Assert.Equal(Ok "account=kite", SlurmOptions.other "--account=kite")
    Assert.Equal(Ok "exclusive", SlurmOptions.other "exclusive")

    for bad in [ "array=1-9"; "wrap=rm"; "output=x"; "-A x"; ""; "a b"; "Account=x" ] do
        Assert.True((SlurmOptions.other bad).IsError, bad)
