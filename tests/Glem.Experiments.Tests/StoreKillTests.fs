namespace Glem.Experiments.Tests

open System
open System.Diagnostics
open System.IO
open System.Threading
open Glem
open Xunit

/// Processes that share a store and are killed.
type StoreKillTests() =
    let folder = new TestFolder()
    let root = folder.File "store"
    let log = folder.File "log"
    let bytes = 20_000

    let worker =
        let framework = DirectoryInfo AppContext.BaseDirectory
        let configuration = framework.Parent |> nonNull

        Path.Combine(GlemProcess.root, "tests/StoreWorker/bin", configuration.Name, framework.Name, "StoreWorker.dll")

    let started = ResizeArray<Process>()

    let start (stages: int) (milliseconds: int) =
        let arguments = [ worker; root; string stages; string bytes; string milliseconds; log ]
        let info = ProcessStartInfo("dotnet", arguments, RedirectStandardError = true)
        started.Add(Process.Start info |> nonNull)
        Seq.last started

    let kill (worker: Process) =
        worker.Kill()
        worker.WaitForExit()

    let succeeds (worker: Process) =
        Assert.True(worker.WaitForExit(TimeSpan.FromSeconds 60.0), "a worker does not come to its end")
        let said = worker.StandardError.ReadToEnd()
        Assert.True((worker.ExitCode = 0), said)

    /// The numbers of the stages that were computed, in order.
    let computed () =
        if File.Exists log then
            File.ReadAllLines log |> Array.map int |> List.ofArray
        else
            []

    let waitFor condition =
        let watch = Stopwatch.StartNew()

        while not (condition ()) do
            Assert.True(watch.Elapsed < TimeSpan.FromSeconds 60.0, "no worker has begun a stage")
            Thread.Sleep 2

    /// Whatever stands in a stage's place is the stage's answer, whole.
    let everythingIsWhole () =
        if Directory.Exists root then
            let _, damage = StoreVerification.run root Lease.usualTimeToLive false
            Assert.Empty damage
            let kept = (Store.Open root |> Result.orRaise).Manifests
            Assert.Equal(kept.Length, (StoreLayout.artifacts root).Length)

            for manifest in kept do
                let number = WorkerStages.numberOf manifest
                let folder = StoreLayout.artifact root manifest.Kind manifest.Key
                Assert.Equal<byte>(WorkerStages.answer bytes number, WorkerStages.codec.Read folder)

    interface IDisposable with
        member _.Dispose() =
            for worker in started do
                kill worker
                worker.Dispose()

            (folder :> IDisposable).Dispose()

    [<Fact>]
    member _.``killed at any moment, a store holds whole answers only, and the next process goes on``() =
        let random = Random 20260101
        let stages, kills = 150, 30

        for round in 1..kills do
            let before = (computed ()).Length
            let killed = start stages 4

            // Somewhere in computing, writing and renaming; now and then before or while it opens the store.
            if round % 5 > 0 then
                waitFor (fun () -> killed.HasExited || (computed ()).Length > before)
                Thread.Sleep(random.Next 25)
            else
                Thread.Sleep(random.Next 200)

            kill killed
            everythingIsWhole ()

        Assert.NotEmpty(computed ())
        start stages 1 |> succeeds
        everythingIsWhole ()
        Assert.Equal(stages, (StoreLayout.artifacts root).Length)
        // A kill costs the stage at hand and no other.
        Assert.InRange((computed ()).Length, stages, stages + kills)

        // What the dead have left goes with gc, and nothing else does.
        let none: StoreLimits = { OlderThan = None; KeepBytes = None }
        StoreCollection.run root Lease.usualTimeToLive false none |> ignore
        Assert.Equal(stages * 4, Directory.GetFiles(root, "*", SearchOption.AllDirectories).Length)
        everythingIsWhole ()

    [<Fact>]
    member _.``four processes compute each stage once``() =
        let workers = List.init 4 (fun _ -> start 25 10)

        for worker in workers do
            succeeds worker

        Assert.Equal<int list>([ 0..24 ], List.sort (computed ()))
        everythingIsWhole ()
        Assert.Equal(25 * 4, Directory.GetFiles(root, "*", SearchOption.AllDirectories).Length)

    [<Fact>]
    member _.``a process that is killed is taken over at once, by one of those that wait``() =
        let killed = start 1 600_000
        waitFor (fun () -> computed () = [ 0 ])
        let waiting = List.init 3 (fun _ -> start 1 200)

        for worker in waiting do
            Assert.Contains($"which process %d{killed.Id}", worker.StandardError.ReadLine())

        Assert.Equal<int list>([ 0 ], computed ())
        kill killed
        let watch = Stopwatch.StartNew()

        for worker in waiting do
            succeeds worker

        // Long before the lease of 60 s runs out.
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds 20.0)
        Assert.Equal<int list>([ 0; 0 ], computed ())
        everythingIsWhole ()
