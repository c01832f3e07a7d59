namespace Glem.Experiments.Tests

open System
open System.IO
open System.Text.RegularExpressions
open Glem
open Xunit

/// Ctrl-C and a scheduler's SIGTERM, as the program's users meet them.
type InterruptionTests() =
    let folder = new TestFolder()
    do Colours.write (folder.File "colours")

    let running = ResizeArray<RunningGlem>()

    let start arguments =
        let environment = [ "OMP_NUM_THREADS", "1"; "GLEM_CACHE", folder.File "cache" ]
        running.Add(new RunningGlem(folder.Path, environment, arguments))
        Seq.last running

    let writeRecipe (name: string) settings =
        let recipe = Colours.recipe |> Settings.setAll settings |> Result.orRaise
        folder.Write(name, (Settings.toJson recipe).ToJsonString())

    /// The language model trains until somebody ends it.
    let endless = [ "lmFit.epochs=200000"; "lmFit.patience=0" ]

    let leases kind =
        let shelf = folder.File $"store/%s{kind}"

        if Directory.Exists shelf then
            Directory.GetFiles(shelf, "*.lease", SearchOption.AllDirectories)
        else
            [||]

    let announced =
        "stopping after the step at hand; what is finished stays, and a second time ends at once"

    let stopped = "stopped; what is finished stays, and the same command goes on from there"

    interface IDisposable with
        member _.Dispose() =
            for one in running do
                (one :> IDisposable).Dispose()

            (folder :> IDisposable).Dispose()

    [<Fact>]
    member _.``Ctrl-C and SIGTERM end a run after the step at hand, and the same command goes on``() =
        writeRecipe "endless.json" endless

        let stopWith signal =
            let run = start [ "run"; "--recipe"; "endless.json"; "--out"; "out"; "--store"; "store" ]
            Assert.True(run.Sees(fun () -> (leases "lm").Length = 1), run.Err)
            run.Send signal
            run.End()

        let first = stopWith Signal.interrupt
        Assert.Equal(130, first.Code)
        Assert.Equal<string>([ announced; stopped ], first.ErrorLines)
        Assert.Empty(leases "lm")
        let second = stopWith Signal.terminate
        Assert.Equal(143, second.Code)
        Assert.Equal<string>([ announced; stopped ], second.ErrorLines)
        Assert.Matches("masked-language model +kept from before", second.Out)
        Assert.False(Directory.Exists(folder.File "out"))

    [<Fact>]
    member _.``a second Ctrl-C ends at once, in the middle of a step``() =
        // Steps that take seconds.
        let long: DatasetRecords = {
            Colours.records with
                Nodes =
                    Colours.records.Nodes
                    |> Array.map (fun node -> {
                        node with
                            Text = String.replicate 20 node.Text
                    })
        }

        Colours.writeLines (folder.File "colours") (Colours.nodeLines long) Colours.edgeLines

        writeRecipe "long.json" [
            "lm.hidden=256"
            "lm.intermediate=1024"
            "lm.layers=4"
            "lm.maxTokens=256"
            "mlm.fit.epochs=0"
            "lmFit.batch=64"
            yield! endless
        ]

        let run =
            start [
                "run"
                "--recipe"
                "long.json"
                "--precision"
                "float32"
                "--out"
                "out"
                "--store"
                "store"
            ]

        Assert.True(run.Sees(fun () -> (leases "lm").Length = 1), run.Err)
        run.Send Signal.interrupt
        Assert.True(run.Sees(fun () -> run.Err.Contains announced), run.Err)
        run.Send Signal.interrupt
        let outcome = run.End()
        Assert.Equal(130, outcome.Code)
        Assert.Equal<string>([ announced ], outcome.ErrorLines)
        // It did not come to giving its lease back; what it had finished is whole.
        Assert.Single(leases "lm") |> ignore
        Assert.Empty(StoreVerification.run (folder.File "store") Lease.usualTimeToLive false |> snd)

    [<Fact>]
    member _.``the processes of --jobs end with the one that started them, however it ends``() =
        let mixed =
            experiment "mixed" {
                question "Who ends?"
                recipe { Colours.recipe with Rounds = 1 }
                seeds [ 0; 1 ]
            }
            |> Result.orRaise

        let mixed = {
            mixed with
                Arms = [
                    {
                        Name = "endless"
                        Settings = endless
                        Pinned = true
                    }
                ]
        }

        folder.Write("mixed.json", ExperimentJson.write mixed)

        let grid () =
            let grid = start [ "grid"; "mixed.json"; "--jobs"; "2"; "--out"; "out"; "--store"; "store" ]
            // The endless run of either seed.
            Assert.True(grid.Sees(fun () -> (leases "lm").Length = 2 && grid.Descendants.Length = 2), grid.Err)
            grid

        let asked = grid ()
        let workers = asked.Descendants
        asked.Send Signal.terminate
        let outcome = asked.End()
        Assert.Equal(143, outcome.Code)
        Assert.Equal<string>([ announced; stopped ], outcome.ErrorLines)
        Assert.DoesNotContain(true, workers |> List.map RunningGlem.IsRunning)
        Assert.Empty(leases "lm")
        let killed = grid ()
        let workers = killed.Descendants
        killed.Send Signal.kill
        RunningGlem.AllEnd workers
        // The same again takes over at once what these held.
        (grid ()).Send Signal.terminate

    [<Fact>]
    member _.``a script that glem grid runs ends with it``() =
        if not (GlemProcess.program.Contains "Release") then
            Assert.Skip "scripts load the Release build"

        let set = [ "dataset=colours"; "lm.vocabulary=300" ] @ endless

        let grid =
            start [
                "grid"
                Path.Combine(GlemProcess.root, "scripts", "alpha-beta.fsx")
                yield! set |> List.collect (fun setting -> [ "--set"; setting ])
                "--out"
                "out"
                "--store"
                "store"
            ]

        Assert.True(grid.Sees(fun () -> (leases "lm").Length = 1), grid.Err)
        let others = grid.Descendants
        Assert.NotEmpty others
        grid.Send Signal.terminate
        let outcome = grid.End()
        Assert.Equal(143, outcome.Code)
        Assert.Contains(stopped, outcome.Err)
        RunningGlem.AllEnd others
        Assert.Empty(leases "lm")

    [<Fact>]
    member _.``an embedding pass stops after its batch and keeps its vectors``() =
        let lines =
            Seq.init 60_000 (fun i -> $"t%d{i},the moss and the whale of a tomato and an iris in the grass")

        File.WriteAllLines(folder.File "texts.csv", Seq.append [ "id,text" ] lines)
        let journal = folder.File "vectors.npy.journal"

        let embed = start [ "embed"; "--lm"; "glem-mini"; "--input"; "texts.csv"; "--out"; "vectors.npy" ]

        // Its header has 64 bytes.
        Assert.True(embed.Sees(fun () -> File.Exists journal && FileInfo(journal).Length > 64L), embed.Err)
        embed.Send Signal.interrupt
        let outcome = embed.End()
        Assert.Equal(130, outcome.Code)

        Assert.Matches(
            "^stopped after [0-9,]+ texts; the same command goes on from there$",
            Array.last outcome.ErrorLines
        )

        Assert.True(File.Exists journal)
        Assert.False(File.Exists(folder.File "vectors.npy"))

    [<Fact>]
    member _.``a pre-training stops after its step and goes on from there``() =
        writeRecipe "recipe.json" [ "mlm.fit.epochs=200000" ]
        let losses = folder.File "model.partial/losses.jsonl"
        let length () = if File.Exists losses then FileInfo(losses).Length else 0L

        let stopWith signal =
            let before = length ()

            let pretrain =
                start [
                    "pretrain"
                    "--dataset"
                    "colours"
                    "--recipe"
                    "recipe.json"
                    "--out"
                    "model"
                ]

            Assert.True(pretrain.Sees(fun () -> length () > before), pretrain.Err)
            pretrain.Send signal
            let outcome = pretrain.End()

            let line =
                Regex.Match(Array.last outcome.ErrorLines, @"^stopped after step (\d+) of \d+; the same command")

            Assert.True(line.Success, outcome.Err)
            outcome.Code, int line.Groups[1].Value

        let code, step = stopWith Signal.interrupt
        Assert.Equal(130, code)
        let code, later = stopWith Signal.terminate
        Assert.Equal(143, code)
        Assert.True(later > step)
