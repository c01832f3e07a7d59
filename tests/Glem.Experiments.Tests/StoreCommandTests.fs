namespace Glem.Experiments.Tests

open System
open System.IO
open System.Text.Json
open FsCheck.FSharp
open Glem
open Xunit

/// glem store, and what makes room in a store.
type StoreCommandTests() =
    let folder = new TestFolder()
    let root = folder.File "store"
    let store = Store.Open(root, ignore) |> Result.orRaise
    let stage number = WorkerStages.spec number
    let artifact number = StoreLayout.artifact root "worker" (stage number).Key

    let keep number bytes =
        store.Obtain(stage number, WorkerStages.codec, (fun () -> WorkerStages.answer bytes number))
        |> ignore

    let readDaysAgo number (days: float) =
        File.SetLastWriteTimeUtc(StoreLayout.manifest (artifact number), DateTime.UtcNow - TimeSpan.FromDays days)

    let numbers () = store.Manifests |> List.map WorkerStages.numberOf |> List.sort

    let glem arguments = GlemProcess.succeeds folder.Path ("store" :: arguments)
    let glemHere arguments = glem (arguments @ [ "--store"; root ])

    interface IDisposable with
        member _.Dispose() = (folder :> IDisposable).Dispose()

    [<Theory>]
    [<InlineData("", "list show verify gc")>]
    [<InlineData("list", "--store --kind --json")>]
    [<InlineData("show", "KEY --store")>]
    [<InlineData("verify", "--store --repair")>]
    [<InlineData("gc", "--store --older-than --keep-gb --dry-run")>]
    member _.``--help names a command's options``(command: string, options: string) =
        let command = command.Split(' ', StringSplitOptions.RemoveEmptyEntries) |> List.ofArray
        let out = glem (command @ [ "--help" ])

        for option in options.Split ' ' do
            Assert.Contains(option, out, StringComparison.OrdinalIgnoreCase)

    [<Fact>]
    member _.``list shows every stage, of one kind where that is asked, and as JSON``() =
        keep 0 1_500_000
        keep 1 200
        let out = glemHere [ "list" ]

        for part in
            [
                (stage 0).Key.Short
                "Stage 0"
                "1.5 MB"
                (stage 1).Key.Short
                "200 B"
                "2 stages, 1.5 MB"
            ] do
            Assert.Contains(part, out)

        Assert.Contains("0 stages", glemHere [ "list"; "--kind"; "lm" ])
        use json = JsonDocument.Parse(glemHere [ "list"; "--json"; "--kind"; "worker" ])

        let names = [
            for item in json.RootElement.EnumerateArray() -> item.GetProperty("name").GetString() |> string
        ]

        Assert.Equal<string list>([ "Stage 0"; "Stage 1" ], names)

    [<Fact>]
    member _.``the store is the one named, else GLEM_STORE's, else runs/store``() =
        keep 0 10
        let run environment = GlemProcess.runWith environment folder.Path [ "store"; "list" ]
        Assert.Contains("1 stages", (run [ "GLEM_STORE", root ]).Out)
        let missing = run [ "GLEM_STORE", "" ]
        Assert.Equal(2, missing.Code)
        Assert.Contains("runs/store", Assert.Single missing.ErrorLines)
        Directory.CreateDirectory(folder.File "runs") |> ignore
        Directory.Move(root, folder.File "runs/store")
        Assert.Contains("1 stages", (run [ "GLEM_STORE", "" ]).Out)

    [<Fact>]
    member _.``show takes the first digits of a key``() =
        keep 0 10
        keep 1 10
        let out = glemHere [ "show"; (stage 1).Key.Text.Substring(0, 8) ]

        for part in
            [
                (stage 1).Key.Text
                "Stage 1"
                $"%s{(stage 0).Key.Text}  Stage 0"
                "front.bin"
                "\"number\": 1"
            ] do
            Assert.Contains(part, out)

        GlemProcess.refuses folder.Path [ "store"; "show"; "zz"; "--store"; root ] [ "key"; "zz"; "first digits" ]
        GlemProcess.refuses folder.Path [ "store"; "show"; ""; "--store"; root ] [ "more digits"; (stage 1).Key.Short ]

    [<Fact>]
    member _.``verify ends with 1 where something is damaged, and --repair moves it aside``() =
        keep 0 10
        keep 1 10
        Assert.Contains("2 stages, all as they were written", glemHere [ "verify" ])
        File.AppendAllText(Path.Combine(artifact 0, "front.bin"), "x")
        let verify options = GlemProcess.run folder.Path ([ "store"; "verify"; "--store"; root ] @ options)
        let found = verify []
        Assert.Equal(1, found.Code)
        Assert.Contains($"worker %s{(stage 0).Key.Text}: front.bin has 6 bytes, not 5", found.Out)
        Assert.Contains("1 of 2 stages are damaged", Assert.Single found.ErrorLines)
        Assert.True(Directory.Exists(artifact 0))
        let repaired = verify [ "--repair" ]
        Assert.Equal(1, repaired.Code)
        Assert.Contains("moved to", repaired.Out)
        Assert.False(Directory.Exists(artifact 0))
        Assert.Contains("1 stages, all as they were written", glemHere [ "verify" ])

    [<Fact>]
    member _.``gc removes what is old and then what was read least recently``() =
        for number in 0..4 do
            keep number 1_000_000

        // 4 is the oldest, 0 was read last.
        for number in 0..4 do
            readDaysAgo number (float number + 0.5)

        let dry = glemHere [ "gc"; "--older-than"; "4"; "--keep-gb"; "0.0025"; "--dry-run" ]
        Assert.Contains("3 stages and 0 leftovers would be removed, 3.0 MB; 2.0 MB stay", dry)
        Assert.Equal<int list>([ 0..4 ], numbers ())
        let out = glemHere [ "gc"; "--older-than"; "4"; "--keep-gb"; "0.0025" ]
        Assert.Contains("3 stages and 0 leftovers removed", out)
        Assert.Equal<int list>([ 0; 1 ], numbers ())
        Assert.Equal(8, Directory.GetFiles(root, "*", SearchOption.AllDirectories).Length)
        // Reading is use.
        readDaysAgo 0 9.0
        readDaysAgo 1 8.0
        keep 0 0
        glemHere [ "gc"; "--keep-gb"; "0.001" ] |> ignore
        Assert.Equal<int list>([ 0 ], numbers ())
        GlemProcess.refuses folder.Path [ "store"; "gc"; "--store"; root; "--keep-gb"; "-1" ] [ "--keep-gb"; "-1" ]

    [<Fact>]
    member _.``gc without limits removes what is left of the dead, and nothing that is being computed``() =
        keep 0 10
        keep 1 10
        File.AppendAllText(Path.Combine(artifact 1, "front.bin"), "x")
        keep 1 10
        let beside (number: int) (name: string) = artifact number + name

        for name in [ ".0123456789abcdef.tmp"; ".0123456789abcdef.removed" ] do
            Directory.CreateDirectory(beside 0 name) |> ignore
            File.WriteAllText(Path.Combine(beside 0 name, "part"), "half of it")

        let dead =
            """{"host":"node7","place":"b p","process":1,"started":1,"token":"0123456789abcdef","timeToLive":60}"""

        let old = DateTime.UtcNow - TimeSpan.FromHours 1.0
        File.WriteAllText(beside 0 ".3.lease", dead)
        File.SetLastWriteTimeUtc(beside 0 ".3.lease", old)
        File.WriteAllText(beside 0 ".probe", "")
        File.SetLastWriteTimeUtc(beside 0 ".probe", old)

        store.Obtain(
            stage 2,
            WorkerStages.codec,
            fun () ->
                let partial = beside 2 ".0123456789abcdef.tmp"
                Directory.CreateDirectory partial |> ignore
                readDaysAgo 0 3.0
                let out = glemHere [ "gc"; "--dry-run" ]
                Assert.Contains("0 stages and 3 leftovers would be removed", out)
                Assert.True(File.Exists(beside 0 ".3.lease"))
                let out = glemHere [ "gc" ]
                Assert.Contains("0 stages and 3 leftovers removed", out)
                Assert.True(Directory.Exists partial)
                Assert.Single(Directory.GetFiles(root, "*.lease", SearchOption.AllDirectories)) |> ignore
                Directory.Delete partial
                WorkerStages.answer 10 2
        )
        |> ignore

        Assert.Equal<int list>([ 0; 1; 2 ], numbers ())
        Assert.Equal(12, Directory.GetFiles(root, "*", SearchOption.AllDirectories).Length)
        Assert.Empty(Directory.GetDirectories(StoreLayout.damaged root))

    [<Fact>]
    member _.``gc leaves a stage alone that somebody computes again``() =
        keep 0 10
        readDaysAgo 0 9.0
        let shelf = StoreLayout.shelf root "worker" (stage 0).Key

        match Lease.TryTake(shelf, (stage 0).Key.Text, Lease.usualTimeToLive, FileClock(shelf).Now) with
        | Ok lease ->
            use _ = lease
            Assert.Contains("0 stages", glemHere [ "gc"; "--older-than"; "1" ])
            Assert.Equal<int list>([ 0 ], numbers ())
        | Error holder -> Assert.Fail $"%A{holder}"

    [<Fact>]
    member _.``what goes is the least recently used, no more of it than the limits ask``() =
        let now = DateTime(2026, 1, 1)

        let items = Gen.listOf (Gen.zip (Gen.choose (0, 100)) (Gen.choose (0, 50)))
        let limit = Gen.optionOf (Gen.choose (0, 120))

        let holds (items: (int * int) list, days: int option, keep: int option) =
            let artifacts =
                items
                |> List.mapi (fun i (age, bytes) -> now - TimeSpan.FromDays(float age), int64 bytes, (i, age, bytes))

            let limits: StoreLimits = {
                OlderThan = days |> Option.map (float >> TimeSpan.FromDays)
                KeepBytes = keep |> Option.map int64
            }

            let gone = StoreCollection.choose now limits artifacts
            let all = artifacts |> List.map (fun (_, _, item) -> item)
            let kept = all |> List.except gone
            let size = List.sumBy (fun (_, _, bytes) -> bytes)
            let age (_, age, _) = age
            let isOld item = days |> Option.exists (fun days -> age item > days)

            // Nothing that stays was used before anything that goes.
            (gone.IsEmpty || kept.IsEmpty || List.max (List.map age kept) <= List.min (List.map age gone))
            && not (List.exists isOld kept)
            && keep |> Option.forall (fun keep -> size kept <= keep)
            // Without the last to go, a limit would be exceeded.
            && match List.tryLast gone with
               | None -> true
               | Some last -> isOld last || keep |> Option.exists (fun keep -> size kept + size [ last ] > keep)

        FsCheck.Check.One(
            FsCheck.Config.QuickThrowOnFailure.WithMaxTest 500,
            Prop.forAll (Arb.fromGen (Gen.zip3 items limit limit)) holds
        )
