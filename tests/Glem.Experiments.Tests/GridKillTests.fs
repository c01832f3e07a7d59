namespace Glem.Experiments.Tests

open System
open System.IO
open System.Security.Cryptography
open System.Text.Json.Nodes
open System.Threading
open Glem
open Xunit

/// What a killed process has left, beside what was there when it began.
[<RequireQualifiedAccess>]
type private Trace =
    /// Nothing: it had not begun, or was between two stages.
    | Nothing
    /// A lease alone: in the middle of a stage's training.
    | Stage
    /// A folder of a stage's answer that was being written.
    | Write
    /// A lease beside its answer: between the rename and the end of the stage.
    | Rename
    /// A run's folder that was being written, and no stage at hand.
    | Run

/// A small grid in a folder of its own, with data set and cache.
[<Sealed>]
type SmallGrid() =
    let folder = new TestFolder()
    let environment = [ "OMP_NUM_THREADS", "1"; "GLEM_CACHE", folder.File "cache" ]
    let running = ResizeArray<RunningGlem>()

    let small =
        experiment "small" {
            question "Does a kill change a bit?"
            recipe { Colours.recipe with Rounds = 1 }

            axis "alpha" [ 0.1; 0.9 ] (fun alpha recipe -> {
                recipe with
                    EStep = {
                        recipe.EStep with
                            PseudoWeight = [ alpha ]
                    }
            })

            seeds [ 0; 1 ]
            controls [ Control.StaticTwoStage ]
            baseline "staticTwoStage"
        }
        |> Result.orRaise

    do
        Colours.write (folder.File "colours")
        folder.Write("small.json", ExperimentJson.write small)

    /// Without what a clock or the memory says.
    let timeless (path: string) =
        let json = JsonNode.Parse(File.ReadAllText path) |> nonNull

        for field in [ "seconds"; "peakRssMb" ] do
            json.AsObject().Remove field |> ignore

        json.ToJsonString()

    let isTimed (name: string) =
        match Path.GetFileName name |> string with
        | "run.json"
        | "report.html"
        | "report.md"
        | "report.tex"
        | "preregistration.json"
        | "manifest.json" -> true
        // A cell's note.
        | name -> name.StartsWith "seed" && name.EndsWith ".json"

    member _.Folder = folder

    /// glem grid with these options.
    member _.Start options =
        running.Add(new RunningGlem(folder.Path, environment, [ "grid"; "small.json" ] @ options))
        Seq.last running

    /// Names of all that is in a folder of the folder, none where it is not there.
    member _.Names name : Set<string> =
        let root = folder.File name

        if Directory.Exists root then
            Directory.GetFileSystemEntries(root, "*", SearchOption.AllDirectories)
            |> Array.map (fun path -> Path.GetRelativePath(root, path))
            |> Set
        else
            Set.empty

    /// The same with each file's SHA-256, where no clock is in it; without logs.
    member this.Contents name : (string * string) list = [
        for found in this.Names name do
            let path = Path.Combine(folder.File name, found)

            if found <> "logs" && not (found.StartsWith "logs/") then
                found,
                if Directory.Exists path || isTimed found then ""
                elif Path.GetFileName found = "summary.json" then timeless path
                else File.ReadAllBytes path |> SHA256.HashData |> Convert.ToHexStringLower
    ]

    interface IDisposable with
        member _.Dispose() =
            for one in running do
                (one :> IDisposable).Dispose()

            (folder :> IDisposable).Dispose()

/// What nothing happened to: its runs and its store.
[<Sealed>]
type CalmGrid() =
    let runs, stages =
        use grid = new SmallGrid()
        let outcome = (grid.Start [ "--out"; "calm"; "--store"; "store" ]).End()
        Assert.True((outcome.Code = 0), outcome.Err)
        grid.Contents "calm", grid.Contents "store"

    member _.Runs = runs
    member _.Stages = stages

/// A grid that is killed, has no room, or is worked on by many, against one that nothing happened to.
type GridKillTests(calm: CalmGrid, output: ITestOutputHelper) =
    let small = new SmallGrid()
    let folder = small.Folder
    let start = small.Start
    let grid out store = start [ "--out"; out; "--store"; store ]

    let succeeds (grid: RunningGlem) =
        let outcome = grid.End()
        Assert.True((outcome.Code = 0), outcome.Err + outcome.Out)
        outcome

    let same (context: string) (expected: (string * string) list) name =
        let found = small.Contents name
        let missing, other = List.except found expected, List.except expected found

        if not (missing.IsEmpty && other.IsEmpty) then
            Assert.Fail $"%s{context}: %s{name} is not as in the undisturbed grid: not %A{missing} but %A{other}"

    /// The same runs, tables and stages to the byte, and nothing else: no partial folder, claim, lease or half-written file.
    let isAsCalm context out store =
        same context calm.Runs out
        same context calm.Stages store
        Assert.Empty(Directory.GetFiles(folder.File "cache", "*.tmp", SearchOption.AllDirectories))

    let leavings out store = Set.union (small.Names store) (small.Names out |> Set.map (fun name -> "out/" + name))

    let traceOf before after =
        let fresh: Set<string> = Set.difference after before
        let any test = Seq.exists test fresh

        let hasAnswer (lease: string) =
            let key = lease.Split('.')[0]
            Set.contains key after && not (Set.contains key before)

        let isPart (name: string) =
            Path.GetDirectoryName name <> null && (string (Path.GetDirectoryName name)).Contains ".tmp"

        if any (fun name -> name.EndsWith ".lease" && hasAnswer name) then
            Trace.Rename
        elif any (fun name -> name.EndsWith ".tmp" && not (name.StartsWith "out/") || isPart name) then
            Trace.Write
        elif any (fun name -> name.EndsWith ".lease") then
            Trace.Stage
        elif any (fun name -> name.StartsWith "out/" && name.Contains ".partial-") then
            Trace.Run
        else
            Trace.Nothing

    interface IClassFixture<CalmGrid>

    interface IDisposable with
        member _.Dispose() = (small :> IDisposable).Dispose()

    [<Fact>]
    member _.``killed at a hundred random moments, a grid that is started again ends with the bytes of an undisturbed one``
        ()
        =
        let seed, kills = 20261201, 100
        let random = Random seed
        let traces = Collections.Generic.List<Trace>()
        let mutable round = 0

        /// Lets a grid run for a moment; whether it was killed.
        let disturb out store =
            let before = leavings out store
            let any (test: string -> bool) () = leavings out store - before |> Seq.exists test
            let grid = grid out store

            let isThere =
                match random.Next 4 with
                // From before its first line on.
                | 0 ->
                    Thread.Sleep(random.Next 1500)
                    false
                // In a stage.
                | 1 -> grid.Sees(any _.EndsWith(".lease"))
                // In a stage's writing.
                | 2 -> grid.Sees(any (fun name -> name.EndsWith ".tmp" && not (name.StartsWith "out/")))
                // In a run's writing.
                | _ -> grid.Sees(any (fun name -> name.Contains ".partial-" && name.EndsWith "predictions.csv"))

            if isThere then
                Thread.Sleep(random.Next 40 * random.Next 10)

            if grid.HasExited then
                succeeds grid |> ignore
                false
            else
                grid.Send Signal.kill
                grid.End() |> ignore
                traces.Add(leavings out store |> traceOf before)
                true

        while traces.Count < kills do
            round <- round + 1
            let out, store = $"out%d{round}", $"store%d{round}"

            while traces.Count < kills && disturb out store do
                ()

            grid out store |> succeeds |> ignore
            isAsCalm $"seed %d{seed}, %d{traces.Count} kills" out store

        let count trace = traces |> Seq.filter ((=) trace) |> Seq.length

        let counts =
            [ for trace, number in Seq.countBy id traces -> $"%A{trace} %d{number}" ] |> String.concat ", "

        output.WriteLine $"%d{round} grids, %d{traces.Count} kills: %s{counts}"
        // They hit where it hurts.
        Assert.True(count Trace.Stage >= 10, counts)
        Assert.True(count Trace.Write >= 5, counts)
        Assert.True(count Trace.Run >= 5, counts)

    [<Fact>]
    member _.``four that race, some of them killed, end with the bytes of one``() =
        let random = Random 20261202
        let racing = Array.init 4 (fun _ -> grid "race" "race-store")

        for _ in 1..12 do
            Thread.Sleep(random.Next 700)
            let one = random.Next racing.Length
            racing[one].Send Signal.kill
            racing[one].End() |> ignore
            racing[one] <- grid "race" "race-store"

        for one in racing do
            succeeds one |> ignore

        grid "race" "race-store" |> succeeds |> ignore
        isAsCalm "four processes" "race" "race-store"

    [<Fact>]
    member _.``the processes of --jobs, killed with the one that started them, go on as one``() =
        let jobs () = start [ "--jobs"; "4"; "--out"; "jobs"; "--store"; "jobs-store" ]

        for round in 1..3 do
            let killed = jobs ()
            Assert.True(killed.Sees(fun () -> not killed.Descendants.IsEmpty), killed.Err)
            Thread.Sleep(700 * round)
            let workers = killed.Descendants
            killed.Send Signal.kill
            killed.End() |> ignore
            RunningGlem.AllEnd workers

        let outcome = succeeds (jobs ())
        Assert.DoesNotContain("Not run here", outcome.Out)
        isAsCalm "--jobs 4" "jobs" "jobs-store"

    [<Fact>]
    member _.``on a full disk a grid says so in one line, and the same command ends as if there had been room``() =
        // Room for two runs and not for three.
        Disk.small folder 2000 (fun disk ->
            let outcome = (grid "disk/out" "full-store").End()
            Assert.NotEqual(0, outcome.Code)
            let line = Assert.Single outcome.ErrorLines
            Assert.StartsWith("error: ", line)
            Assert.Contains("No space left", line + outcome.Out)
            Disk.remount disk "size=64m"
            grid "disk/out" "full-store" |> succeeds |> ignore
            isAsCalm "after a full disk" "disk/out" "full-store")

    [<Fact>]
    member _.``a store that is full or read-only costs time and no bits``() =
        Disk.small folder 200 (fun disk ->
            let outcome = grid "full" "disk/store" |> succeeds
            Assert.Contains("is not kept", outcome.Err)
            same "a full store" calm.Runs "full"
            Assert.Empty(StoreVerification.run (folder.File "disk/store") Lease.usualTimeToLive false |> snd)
            Disk.remount disk "ro"
            let outcome = grid "read-only" "disk/store" |> succeeds
            Assert.Contains("cannot be written to", Assert.Single outcome.ErrorLines)
            same "a read-only store" calm.Runs "read-only"
            Disk.remount disk "rw,size=64m"
            grid "full" "disk/store" |> succeeds |> ignore
            // What was there needs no stage; another grid fills the store.
            grid "again" "disk/store" |> succeeds |> ignore
            same "a store with room again" calm.Runs "again"
            same "a store with room again" calm.Stages "disk/store")
