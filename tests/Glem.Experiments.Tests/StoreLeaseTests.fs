namespace Glem.Experiments.Tests

open System
open System.Collections.Concurrent
open System.Diagnostics
open System.IO
open System.Threading
open Glem
open Xunit

/// Who computes a stage, while its holder lives and after it died.
type StoreLeaseTests() =
    let folder = new TestFolder()
    let notes = ConcurrentQueue<string>()
    let root = folder.File "store"
    let stage = WorkerStages.spec 0
    let shelf = StoreLayout.shelf root "worker" stage.Key
    let answer = WorkerStages.answer 1000 0
    let leases () = Directory.GetFiles(shelf, "*.lease")

    let openWith (timeToLive: float) =
        Store.Open(root, notes.Enqueue, TimeSpan.FromSeconds timeToLive) |> Result.orRaise

    /// A lease as a process elsewhere would leave it, renewed so many seconds ago.
    let foreign generation (timeToLive: float) (ago: float) =
        Directory.CreateDirectory shelf |> ignore
        let path = Path.Combine(shelf, $"%s{stage.Key.Text}.%d{generation}.lease")

        let holder =
            $"\"host\":\"node7\",\"place\":\"b p\",\"process\":4711,\"started\":17,\"token\":\"%d{generation}\""

        File.WriteAllText(path, $"{{%s{holder},\"timeToLive\":%g{timeToLive}}}")

        File.SetLastWriteTimeUtc(path, DateTime.UtcNow - TimeSpan.FromSeconds ago)
        path

    /// How many of these threads, each with a store of its own, computed the stage; all got its answer.
    let computedBy threads (timeToLive: float) =
        let computed = ref 0
        let failures = ConcurrentQueue<exn>()
        use start = new Barrier(threads)

        let work () =
            try
                start.SignalAndWait()

                let obtained =
                    (openWith timeToLive)
                        .Obtain(
                            stage,
                            WorkerStages.codec,
                            fun () ->
                                Interlocked.Increment computed |> ignore
                                Thread.Sleep 50
                                answer
                        )

                Assert.Equal<byte>(answer, obtained.Value)
            with problem ->
                failures.Enqueue problem

        let running = List.init threads (fun _ -> Thread work)
        running |> List.iter _.Start()
        running |> List.iter _.Join()
        Assert.Empty failures
        computed.Value

    interface IDisposable with
        member _.Dispose() = (folder :> IDisposable).Dispose()

    [<Fact>]
    member _.``a dead holder's stage is taken over by exactly one, every time``() =
        for round in 0..19 do
            foreign round 60.0 61.0 |> ignore
            Assert.Equal(1, computedBy 6 60.0)
            // Nothing is left of the dead one.
            Assert.Empty(leases ())
            Directory.Delete(StoreLayout.artifact root "worker" stage.Key, true)

    [<Fact>]
    member _.``a lease without a word is dead once it has not been renewed for the time to live``() =
        let path = foreign 0 60.0 0.0
        File.WriteAllText(path, "")
        File.SetLastWriteTimeUtc(path, DateTime.UtcNow - TimeSpan.FromSeconds 61.0)
        Assert.Equal(1, computedBy 4 60.0)
        Assert.Empty(leases ())

    [<Fact>]
    member _.``a holder's own time to live counts``() =
        foreign 0 0.4 0.0 |> ignore
        let watch = Stopwatch.StartNew()
        Assert.Equal(1, computedBy 2 60.0)
        Assert.InRange(watch.Elapsed.TotalSeconds, 0.3, 30.0)
        Assert.Contains("process 4711 on node7", Seq.head notes)

    [<Fact>]
    member _.``a folder's clock is the one that stamps its files, and goes on``() =
        Directory.CreateDirectory shelf |> ignore
        let clock = FileClock shelf
        let first = clock.Now()
        Assert.Empty(Directory.GetFiles shelf)
        Thread.Sleep 100
        let path = Path.Combine(shelf, "a")
        File.WriteAllText(path, "")
        let stamp = File.GetLastWriteTimeUtc path
        // Stamps go by the kernel's ticks, of at most 10 ms.
        Assert.InRange((stamp - first).TotalSeconds, 0.08, 30.0)
        Assert.InRange((clock.Now() - stamp).TotalSeconds, -10.0, 30.0)

    [<Fact>]
    member _.``one waits for a living holder, says so once, and stops when it is told to``() =
        foreign 0 60.0 0.0 |> ignore
        use cancel = new CancellationTokenSource(TimeSpan.FromMilliseconds 700.0)

        Assert.ThrowsAny<OperationCanceledException>(fun () ->
            (openWith 60.0).Obtain(stage, WorkerStages.codec, (fun () -> failwith "it is not ours"), cancel.Token)
            |> ignore)
        |> ignore

        let note = Assert.Single notes
        Assert.Contains("waiting for Stage 0", note)
        Assert.Contains("process 4711 on node7", note)
        Assert.Single(leases ()) |> ignore

    [<Fact>]
    member _.``a holder renews its lease for as long as it computes``() =
        let store = openWith 0.6

        store.Obtain(
            stage,
            WorkerStages.codec,
            fun () ->
                // Three times the time to live: whoever asks in between finds it living.
                for _ in 1..18 do
                    Thread.Sleep 100
                    let living = Lease.Living(shelf, stage.Key.Text, TimeSpan.FromSeconds 0.6)
                    Assert.Equal(Some(Some Environment.ProcessId), living |> Option.map (Option.map _.Process))

                answer
        )
        |> ignore

        Assert.Equal(None, Lease.Living(shelf, stage.Key.Text, TimeSpan.FromSeconds 0.6))

    [<Fact>]
    member _.``of two who hold one stage after a long pause, both get the answer that was first``() =
        let late =
            (openWith 60.0)
                .Obtain(
                    stage,
                    WorkerStages.codec,
                    fun () ->
                        // While this holder sleeps, its lease is lost, and another one computes.
                        leases () |> Array.iter File.Delete
                        (openWith 60.0).Obtain(stage, WorkerStages.codec, (fun () -> answer)) |> ignore
                        Array.rev answer
                )

        Assert.Equal<byte>(answer, late.Value)
        Assert.True late.Reused
        Assert.Empty(leases ())
        Assert.Empty notes

    [<Fact>]
    member _.``a holder that comes late leaves its successor's lease alone``() =
        Directory.CreateDirectory shelf |> ignore
        let clock = FileClock shelf
        let take () = Lease.TryTake(shelf, stage.Key.Text, TimeSpan.FromSeconds 60.0, clock.Now)

        match take () with
        | Ok first ->
            leases () |> Array.iter File.Delete

            match take () with
            | Ok second ->
                (first :> IDisposable).Dispose()
                let living = Lease.Living(shelf, stage.Key.Text, TimeSpan.FromSeconds 60.0)
                Assert.Equal(Some(Some second.Holder), living)
                (second :> IDisposable).Dispose()
                Assert.Empty(leases ())
            | other -> Assert.Fail $"%A{other}"
        | other -> Assert.Fail $"%A{other}"

    [<Fact>]
    member _.``however holders take, give back and die, there is one at a time``() =
        Directory.CreateDirectory shelf |> ignore
        let name = stage.Key.Text
        let timeToLive = TimeSpan.FromSeconds 60.0
        let clock = FileClock shelf
        let holders, most, taken = ref 0, ref 0, ref 0
        let dead = ConcurrentQueue<Lease>()
        let watch = Stopwatch.StartNew()

        let work seed =
            let random = Random seed

            while watch.Elapsed < TimeSpan.FromSeconds 3.0 do
                match Lease.TryTake(shelf, name, timeToLive, clock.Now) with
                | Error _ -> Thread.Yield() |> ignore
                | Ok lease ->
                    Interlocked.Increment taken |> ignore
                    let now = Interlocked.Increment holders

                    if now > 1 then
                        most.Value <- now

                    let last = leases () |> Array.maxBy (fun path -> int (path.Split('.')[1]))
                    Interlocked.Decrement holders |> ignore

                    if random.Next 2 = 0 then
                        // It renews itself after 10 s for the first time, so this one is silent from now on.
                        File.SetLastWriteTimeUtc(last, DateTime.UtcNow - TimeSpan.FromHours 1.0)
                        dead.Enqueue lease
                    else
                        (lease :> IDisposable).Dispose()

        let threads = List.init 6 (fun seed -> Thread(fun () -> work seed))
        threads |> List.iter _.Start()
        threads |> List.iter _.Join()

        for lease in dead do
            (lease :> IDisposable).Dispose()

        Assert.Equal(0, most.Value)
        Assert.True(taken.Value > 20, $"only %d{taken.Value} leases were taken")

    [<Fact>]
    member _.``who is late in taking over a dead lease leaves the one who has come in the meantime alone``() =
        let path = foreign 0 60.0 61.0
        let clock = FileClock shelf
        let take now = Lease.TryTake(shelf, stage.Key.Text, TimeSpan.FromSeconds 60.0, now)
        let newcomer = ref None

        // Between the look at the dead lease and the judgement, it is taken over and given back, and taken anew.
        let meanwhile () =
            if newcomer.Value.IsNone then
                File.Delete path
                newcomer.Value <- take clock.Now |> Result.toOption

            clock.Now()

        match take meanwhile with
        | Error None -> ()
        | other -> Assert.Fail $"%A{other}"

        let living = Lease.Living(shelf, stage.Key.Text, TimeSpan.FromSeconds 60.0)
        Assert.Equal(newcomer.Value |> Option.map (fun lease -> Some lease.Holder), living)
        newcomer.Value |> Option.iter (fun lease -> (lease :> IDisposable).Dispose())
        Assert.Empty(leases ())
