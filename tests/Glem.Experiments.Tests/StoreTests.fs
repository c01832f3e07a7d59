namespace Glem.Experiments.Tests

open System
open System.Collections.Concurrent
open System.Diagnostics
open System.IO
open System.Text.Json.Nodes
open System.Threading
open Glem
open Xunit

/// Answers of stages, kept and found again, on good disks and bad ones.
type StoreTests() =
    let folder = new TestFolder()
    let notes = ConcurrentQueue<string>()
    let root = folder.File "store"
    let openAt path = Store.Open(path, notes.Enqueue) |> Result.orRaise
    let stage number = WorkerStages.spec number
    let answer = WorkerStages.answer 1000

    let obtain (store: Store) number compute = store.Obtain(stage number, WorkerStages.codec, compute)

    let unexpected () : byte[] = failwith "this stage should have been there"
    let artifact number = StoreLayout.artifact root "worker" (stage number).Key

    let files (path: string) =
        if Directory.Exists path then
            Directory.GetFiles(path, "*", SearchOption.AllDirectories) |> Array.sort
        else
            [||]

    let onSmallDisk = Disk.small folder

    interface IDisposable with
        member _.Dispose() = (folder :> IDisposable).Dispose()

    [<Fact>]
    member _.``a stage is computed once, and comes back to the bit with what it took``() =
        let first =
            obtain (openAt root) 0 (fun () ->
                Thread.Sleep 20
                answer 0)

        Assert.False first.Reused
        Assert.True(first.Seconds >= 0.02)
        Assert.Equal<byte>(answer 0, first.Value)
        let again = obtain (openAt root) 0 unexpected
        Assert.True again.Reused
        Assert.Equal(first.Seconds, again.Seconds)
        Assert.Equal<byte>(answer 0, again.Value)
        Assert.Equal<byte>(answer 1, (obtain (openAt root) 1 (fun () -> answer 1)).Value)
        Assert.Empty notes

    [<Fact>]
    member _.``a kept stage is four files and nothing else``() =
        obtain (openAt root) 0 (fun () -> answer 0) |> ignore
        let names = files root |> Array.map (fun path -> Path.GetRelativePath(artifact 0, path))
        Assert.Equal<string>([| "empty"; "front.bin"; "manifest.json"; "more/back.bin" |], names)

    [<Fact>]
    member _.``a manifest says what was computed, from what, by what, and at which cost``() =
        let store = openAt root
        Assert.Equal(None, store.TryFind (stage 1).Key)
        let before = DateTimeOffset.UtcNow
        obtain store 1 (fun () -> answer 1) |> ignore
        let manifest = store.TryFind (stage 1).Key |> Option.get
        Assert.Equal("worker", manifest.Kind)
        Assert.Equal("Stage 1", manifest.Name)
        Assert.Equal((stage 1).Key, manifest.Key)
        Assert.Equal("""{"number":1}""", manifest.Configuration.ToJsonString())
        Assert.Equal<StageKey list>([ (stage 0).Key ], manifest.Inputs)
        let paths = manifest.Files |> List.map (fun file -> file.Path, file.Length)
        Assert.Equal<(string * int64) list>([ "empty", 0L; "front.bin", 500L; "more/back.bin", 500L ], paths)
        Assert.InRange(manifest.Started, before, DateTimeOffset.UtcNow)
        Assert.True(manifest.PeakMemoryMb |> Option.forall (fun memory -> memory > 1.0))
        Assert.Equal((RunRecord.versions ()).Glem, manifest.Glem)
        Assert.Contains("processors", manifest.Machine)
        obtain store 0 (fun () -> answer 0) |> ignore

        Assert.Equal<int list>([ 0; 1 ], store.Manifests |> List.map WorkerStages.numberOf |> List.sort)

    [<Fact>]
    member _.``what a stage raises goes through, and the next one to ask computes it``() =
        let store = openAt root

        for _ in 1..3 do
            Assert.Throws<TimeoutException>(fun () -> obtain store 0 (fun () -> raise (TimeoutException())) |> ignore)
            |> ignore

            Assert.Empty(files root)

        Assert.False (obtain store 0 (fun () -> answer 0)).Reused

    [<Fact>]
    member _.``many threads, each with a store of its own, compute each stage once``() =
        let computed = ConcurrentQueue<int>()

        let work () =
            let store = openAt root

            for number in 0..3 do
                let obtained =
                    obtain store number (fun () ->
                        computed.Enqueue number
                        Thread.Sleep 30
                        answer number)

                Assert.Equal<byte>(answer number, obtained.Value)

        let failures = ConcurrentQueue<exn>()

        let threads = [
            for _ in 1..8 ->
                Thread(fun () ->
                    try
                        work ()
                    with problem ->
                        failures.Enqueue problem)
        ]

        threads |> List.iter _.Start()
        threads |> List.iter _.Join()
        Assert.Empty failures
        Assert.Equal<int list>([ 0..3 ], computed |> Seq.sort |> List.ofSeq)
        Assert.Equal(16, (files root).Length)

        for note in notes do
            Assert.Contains($"which process %d{Environment.ProcessId} on %s{Environment.MachineName} computes", note)

    [<Fact>]
    member _.``a damaged bit in any byte of any file is found, told, set aside and computed again``() =
        obtain (openAt root) 0 (fun () -> WorkerStages.answer 40 0) |> ignore
        // When and in which time is another every time, so the manifest is taken as it is now.
        let mutable damages = 0

        for name in [ "front.bin"; "more/back.bin"; "manifest.json" ] do
            let length = File.ReadAllBytes(Path.Combine(artifact 0, name)).Length

            for at in 0 .. (if name = "manifest.json" then 17 else 3) .. length - 1 do
                let path = Path.Combine(artifact 0, name)
                let bytes = File.ReadAllBytes path

                if at < bytes.Length then
                    // Not the bit that turns 'e' into 'E', which both stand for an exponent.
                    bytes[at] <- bytes[at] ^^^ (1uy <<< (at % 5))
                    File.WriteAllBytes(path, bytes)
                    notes.Clear()
                    let obtained = obtain (openAt root) 0 (fun () -> WorkerStages.answer 40 0)
                    Assert.False(obtained.Reused, $"%s{name}, byte %d{at}")
                    let note = Assert.Single notes
                    Assert.Contains("Stage 0 (worker", note)
                    Assert.Contains("damaged", note)
                    Assert.Contains(Path.GetFileName name |> string, note)
                    damages <- damages + 1
                    Assert.True (obtain (openAt root) 0 unexpected).Reused

        Assert.True(damages > 30)
        Assert.Equal(damages, Directory.GetDirectories(StoreLayout.damaged root).Length)

    [<Fact>]
    member _.``a file that is missing, shortened, added or another stage's is damage``() =
        let damages: (string -> unit) list = [
            fun folder -> File.Delete(Path.Combine(folder, "empty"))
            fun folder -> File.Delete(Path.Combine(folder, "manifest.json"))
            fun folder -> File.AppendAllText(Path.Combine(folder, "empty"), "x")
            fun folder -> File.WriteAllText(Path.Combine(folder, "added"), "")
            fun folder -> File.WriteAllBytes(Path.Combine(folder, "front.bin"), [| 1uy |])
            fun folder -> File.WriteAllText(Path.Combine(folder, "manifest.json"), "")
            fun folder -> File.WriteAllText(Path.Combine(folder, "manifest.json"), "null")
            fun folder -> File.WriteAllText(Path.Combine(folder, "manifest.json"), """{ "a": 1, "a": 2 }""")
            fun folder ->
                File.Copy(Path.Combine(artifact 1, "manifest.json"), Path.Combine(folder, "manifest.json"), true)
        ]

        obtain (openAt root) 1 (fun () -> answer 1) |> ignore

        for damage in damages do
            obtain (openAt root) 0 (fun () -> answer 0) |> ignore
            notes.Clear()
            damage (artifact 0)
            Assert.False (obtain (openAt root) 0 (fun () -> answer 0)).Reused
            Assert.Contains("damaged", Assert.Single notes)
            Assert.True (obtain (openAt root) 0 unexpected).Reused

    [<Fact>]
    member _.``an answer that its codec cannot make sense of is set aside``() =
        obtain (openAt root) 0 (fun () -> answer 0) |> ignore

        let codec = {
            WorkerStages.codec with
                Read = fun _ -> raise (InvalidDataException "not a checkpoint")
        }

        let obtained = (openAt root).Obtain(stage 0, codec, (fun () -> answer 0))
        Assert.False obtained.Reused
        Assert.Contains("not a checkpoint", Assert.Single notes)

    [<Fact>]
    member _.``a codec's failure leaves nothing behind``() =
        let codec = {
            WorkerStages.codec with
                Write =
                    fun folder answer ->
                        WorkerStages.codec.Write folder answer
                        invalidOp "a fault in the codec"
        }

        Assert.Throws<InvalidOperationException>(fun () ->
            (openAt root).Obtain(stage 0, codec, (fun () -> answer 0)) |> ignore)
        |> ignore

        Assert.Empty(files root)
        Assert.Empty(Directory.GetDirectories(StoreLayout.shelf root "worker" (stage 0).Key))

        let greedy = {
            WorkerStages.codec with
                Write = fun folder _ -> File.WriteAllText(Path.Combine(folder, "manifest.json"), "mine")
        }

        let problem =
            Assert.Throws<InvalidOperationException>(fun () ->
                (openAt root).Obtain(stage 0, greedy, (fun () -> answer 0)) |> ignore)

        Assert.Contains("manifest.json", problem.Message)

    [<Fact>]
    member _.``on a full disk the run goes on with what it computed, says once that it is not kept, and leaves nothing``
        ()
        =
        onSmallDisk 256 (fun disk ->
            let store = openAt disk
            let large = WorkerStages.answer 1_000_000
            Assert.Equal<byte>(large 0, (obtain store 0 (fun () -> large 0)).Value)
            Assert.Contains("Stage 0 (worker", Assert.Single notes)
            Assert.Contains("not kept", Assert.Single notes)
            Assert.Empty(files disk)
            // What fits is kept.
            obtain store 1 (fun () -> answer 1) |> ignore
            Assert.True (obtain store 1 unexpected).Reused
            Assert.Single notes |> ignore

            // Not a byte is left, not even for a lease.
            use filler = File.Create(Path.Combine(disk, "filler"))

            try
                while true do
                    filler.Write(Array.zeroCreate<byte> 4096)
                    filler.Flush()
            with :? IOException ->
                ()

            notes.Clear()
            let before = files disk
            Assert.Equal<byte>(answer 2, (obtain store 2 (fun () -> answer 2)).Value)
            Assert.Equal<byte>(answer 3, (obtain store 3 (fun () -> answer 3)).Value)
            Assert.Contains("not kept", Assert.Single notes)
            Assert.Equal<string>(before, files disk)
            Assert.True (obtain store 1 unexpected).Reused

            // Once there is room again, the same store keeps answers again.
            filler.SetLength 0L
            obtain store 4 (fun () -> answer 4) |> ignore
            Assert.True (obtain store 4 unexpected).Reused)

    [<Fact>]
    member _.``a read-only store is used, and says once that it keeps nothing``() =
        onSmallDisk 1024 (fun disk ->
            obtain (openAt disk) 0 (fun () -> answer 0) |> ignore
            obtain (openAt disk) 1 (fun () -> answer 1) |> ignore
            File.AppendAllText(Path.Combine(StoreLayout.artifact disk "worker" (stage 1).Key, "empty"), "damage")
            Disk.remount disk "ro"
            let before = files disk
            let store = openAt disk
            Assert.True (obtain store 0 unexpected).Reused
            Assert.Empty notes

            for number in 2..4 do
                Assert.Equal<byte>(answer number, (obtain store number (fun () -> answer number)).Value)

            let note = Assert.Single notes
            Assert.Contains("not kept", note)
            Assert.Contains(disk, note)
            // Damage is told, as nobody can set it aside.
            Assert.Equal<byte>(answer 1, (obtain store 1 (fun () -> answer 1)).Value)
            Assert.Equal(2, notes.Count)
            Assert.Contains("damaged", Seq.last notes)
            Assert.Equal<string>(before, files disk))

    [<Fact>]
    member _.``where a file stands in a folder's place, stages are computed all the same``() =
        folder.Write("file", "")

        match Store.Open(folder.File "file") with
        | Error(InFile(path, _, _, _)) -> Assert.Equal(folder.File "file", path)
        | other -> Assert.Fail $"%A{other}"

        Directory.CreateDirectory root |> ignore
        File.WriteAllText(Path.Combine(root, "worker"), "")
        Assert.Equal<byte>(answer 0, (obtain (openAt root) 0 (fun () -> answer 0)).Value)
        Assert.Contains("not kept", Assert.Single notes)

    [<Fact>]
    member _.``no store computes always``() =
        for _ in 1..2 do
            let obtained = obtain Store.none 0 (fun () -> answer 0)
            Assert.False obtained.Reused
            Assert.Equal<byte>(answer 0, obtained.Value)

        Assert.Equal(None, Store.none.TryFind (stage 0).Key)
        Assert.Empty Store.none.Manifests

    [<Fact>]
    member _.``a stage may obtain its inputs while it is computed``() =
        let store = openAt root

        let outer =
            obtain store 1 (fun () ->
                let input = (obtain store 0 (fun () -> answer 0)).Value
                Array.append input [| 1uy |])

        Assert.Equal<byte>(Array.append (answer 0) [| 1uy |], outer.Value)
        Assert.Equal(2, store.Manifests.Length)

    [<Fact>]
    member _.``a large answer is kept and checked at a disk's speed``() =
        let bytes = 64 * 1024 * 1024
        let large = Array.zeroCreate<byte> bytes
        Random(1).NextBytes large
        obtain (openAt root) 0 (fun () -> large) |> ignore
        let watch = Stopwatch.StartNew()
        Assert.True(ReadOnlySpan(large).SequenceEqual(ReadOnlySpan (obtain (openAt root) 0 unexpected).Value))
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds 5.0, $"%g{watch.Elapsed.TotalSeconds} s")
