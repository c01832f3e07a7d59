module Glem.Experiments.Tests.QueryTests

open System
open System.IO
open System.Text.Json
open System.Threading.Tasks
open Glem
open Xunit

let private runs (folder: TestFolder) seeds =
    for seed in seeds do
        MadeUp.run (folder.File $"runs/seed%d{seed}") seed 3

let private index (folder: TestFolder) =
    RunIndex.ofFolders (folder.File "cache") [ folder.File "runs" ] |> Result.orRaise

let private ask folder sql = (Query.run (index folder) sql |> Result.orRaise).Rows

let private number value =
    match value with
    | SqlValue.Integer number -> float number
    | SqlValue.Real number -> number
    | other -> failwith $"%A{other} is no number"

/// The one number that a question has for an answer.
let private one folder sql = ask folder sql |> List.exactlyOne |> List.exactlyOne |> number

let private summary (folder: TestFolder) seed =
    folder.File $"runs/seed%d{seed}" |> RunFolder.summary |> Summary.read |> Result.orRaise

[<Fact>]
let ``an average over seeds is that of the summaries`` () =
    use folder = new TestFolder()
    runs folder [ 0..2 ]
    let expected = [ 0..2 ] |> List.averageBy (fun seed -> (summary folder seed).GlemGnn.Value.Test)
    Assert.Equal(expected, one folder "select avg(glemGnn_test) from runs", 12)

    Assert.Equal(
        float (summary folder 1).Selected.Value.GnnRound,
        one folder "select round from rounds join runs using (run) where seed = 1 and model = 'gnn' and chosen"
    )

[<Fact>]
let ``the tables have what the files have`` () =
    use folder = new TestFolder()
    runs folder [ 4 ]
    let run = folder.File "runs/seed4" |> RunFolder.load |> Result.orRaise
    let count table = one folder $"select count(*) from %s{table}" |> int
    Assert.Equal(run.Metrics.Length, count "metrics")
    Assert.Equal(run.Elbo.Length, count "elbo")
    Assert.Equal(run.Audit.Length, count "audit")
    Assert.Equal(8 * run.Audit.Length, count "audit_bins")
    Assert.Equal(run.Summary.Seconds.Length, count "stages")
    Assert.Equal(2 * run.Summary.Rounds.Length, count "rounds")
    Assert.Equal((RunInfo.settings run.Info).Length, count "settings")

    Assert.Equal(run.Elbo |> List.sumBy _.Elbo.Total, one folder "select sum(pseudoElbo) from elbo", 6)

    Assert.Equal(
        run.Audit |> List.sumBy _.Step.Corrections |> float,
        one folder "select sum(corrections) from audit join runs using (run) where dataset = 'made-up'"
    )

[<Fact>]
let ``a setting that is a number compares as one, and a rung that was not run is null`` () =
    use folder = new TestFolder()
    runs folder [ 0 ]

    let above limit =
        one folder $"select count(*) from settings where setting = 'eStep.pseudoWeight' and value > %s{limit}"

    Assert.Equal(1.0, above "0.75")
    Assert.Equal(0.0, above "0.85")
    let file = RunFolder.summary (folder.File "runs/seed0")

    Summary.write file {
        summary folder 0 with
            SelfTraining = None
    }
    |> Result.orRaise

    Assert.Equal(1.0, one folder "select count(*) from runs where selfTraining_test is null and tfidf_test > 0")

[<Fact>]
let ``the index is made again when files change, and only then`` () =
    use folder = new TestFolder()
    runs folder [ 0 ]
    let file = index folder
    let old = DateTime(2020, 1, 1)
    File.SetLastWriteTimeUtc(file, old)
    Assert.Equal(1.0, one folder "select count(*) from runs")
    Assert.Equal(old, File.GetLastWriteTimeUtc file)
    runs folder [ 1 ]
    Assert.Equal(2.0, one folder "select count(*) from runs")
    // A line more, at an older time.
    let metrics = folder.File "runs/seed1" |> RunFolder.metrics
    File.AppendAllText(metrics, (File.ReadAllLines metrics)[0] + "\n")
    File.SetLastWriteTimeUtc(metrics, old)
    let lines = float (2 * (File.ReadAllLines metrics).Length - 1)
    Assert.Equal(lines, one folder "select count(*) from metrics")
    Directory.Delete(folder.File "runs/seed0", true)
    Assert.Equal(1.0, one folder "select count(*) from runs")
    // One that is cut off, and one that is none.
    for damage in [ (fun (bytes: byte[]) -> Array.truncate 5000 bytes); (fun _ -> [| 1uy |]) ] do
        File.WriteAllBytes(file, File.ReadAllBytes file |> damage)
        Assert.Equal(1.0, one folder "select count(*) from runs")

[<Fact>]
let ``processes that make the index at once all get it`` () =
    use folder = new TestFolder()
    runs folder [ 0..2 ]
    let answers = Array.init 6 (fun _ -> Task.Run(fun () -> one folder "select count(*) from metrics"))
    Task.WaitAll(answers |> Array.map (fun task -> task :> Task))
    Assert.Single(answers |> Array.map _.Result |> Array.distinct) |> ignore
    Assert.Single(Directory.GetFiles(folder.File "cache/query")) |> ignore

[<Theory>]
[<InlineData("delete from runs", "readonly")>]
[<InlineData("drop table metrics", "readonly")>]
[<InlineData("attach 'other.sqlite' as other", "attached")>]
[<InlineData("vacuum into 'other.sqlite'", "attached")>]
[<InlineData("selec 1", "near \"selec\": syntax error")>]
[<InlineData("select nonesuch from runs", "no such column: nonesuch")>]
[<InlineData("select 1; select 2", "more than one SELECT")>]
[<InlineData("", "no SELECT")>]
let ``what is no question is refused in SQLite's words, and changes nothing`` (sql: string, words: string) =
    use folder = new TestFolder()
    runs folder [ 0 ]
    let before = index folder |> File.ReadAllBytes

    match Query.run (index folder) sql with
    | Error error -> Assert.Contains(words, GlemError.message error)
    | Ok answer -> failwith $"%A{answer}"

    Assert.Equal<byte[]>(before, index folder |> File.ReadAllBytes)
    Assert.False(File.Exists "other.sqlite")

[<Fact>]
let ``a grid's runs know experiment, cell, arm and levels`` () =
    use folder = new TestFolder()
    let grid = folder.File "runs/weights"

    Experiment.ofRecipe "weights" Colours.recipe
    |> Preregistration.register grid
    |> Result.orRaise
    |> ignore

    for cell in [ "glem,alpha=0.3,size=small"; "staticTwoStage" ] do
        for seed in 0..1 do
            MadeUp.run (Path.Combine(grid, "cells", cell, $"seed%d{seed}")) seed 3

    // Neither what was moved aside, nor what is in the making, nor what stands in the store.
    for other in
        [
            "cells/staticTwoStage/seed0.before-2026"
            "cells/staticTwoStage/seed2.partial-2026"
        ] do
        MadeUp.run (Path.Combine(grid, other)) 9 3

    runs folder [ 5 ]
    Assert.Equal(5.0, one folder "select count(*) from runs")

    let rows =
        ask folder "select distinct experiment, cell, arm, levels from runs where experiment is not null"

    let text = List.map SqlValue.toText
    Assert.Contains([ "weights"; "glem,alpha=0.3,size=small"; "glem"; "alpha=0.3,size=small" ], rows |> List.map text)
    Assert.Contains([ "weights"; "staticTwoStage"; "staticTwoStage"; "" ], rows |> List.map text)

    let level = "select count(*) from levels join runs using (run) where axis = 'alpha' and level < 0.5"
    Assert.Equal(2.0, one folder level)

[<Fact>]
let ``a run whose teacher is an oracle is marked`` () =
    use folder = new TestFolder()
    runs folder [ 0; 1 ]
    use json = JsonDocument.Parse """{ "mStep": { "teacher": "oracle" } }"""

    {
        MadeUp.info 1 3 with
            Configuration = json.RootElement
    }
    |> RunInfo.write (RunFolder.info (folder.File "runs/seed1"))
    |> Result.orRaise

    Assert.Equal(1.0, one folder "select seed from runs where heldOutLabels")

[<Fact>]
let ``a link to a folder above does not lead round in a circle`` () =
    use folder = new TestFolder()
    runs folder [ 0 ]
    Directory.CreateSymbolicLink(folder.File "runs/again", folder.File "runs") |> ignore
    Assert.Equal(1.0, one folder "select count(*) from runs")

[<Fact>]
let ``columns of one name get numbers, and infinity is a text in JSON`` () =
    use folder = new TestFolder()
    runs folder [ 0 ]
    let answer = Query.run (index folder) "select 1 as a, 2 as a, null as b, 9e999 as c" |> Result.orRaise
    Assert.Equal<string list>([ "a"; "a_2"; "b"; "c" ], answer.Columns)
    use json = JsonDocument.Parse(Query.toJson answer)
    let row = json.RootElement[0]
    Assert.Equal(2, row.GetProperty("a_2").GetInt32())
    Assert.Equal(JsonValueKind.Null, row.GetProperty("b").ValueKind)
    Assert.Equal("Infinity", row.GetProperty("c").GetString())
    Assert.Equal("a,a_2,b,c\n1,2,,Infinity\n", Query.toCsv answer)

[<Fact>]
let ``the command prints tables, JSON, CSV and its tables, and says what it left out`` () =
    use folder = new TestFolder()
    runs folder [ 0; 1 ]
    File.WriteAllText(RunFolder.summary (folder.File "runs/seed1"), "{ \"tfidf\"")
    let glem arguments = GlemProcess.runWith [ "GLEM_CACHE", folder.File "cache" ] folder.Path ("query" :: arguments)
    let sql = "select seed, dataset from runs"

    for options, expected in [ [ "--csv" ], "seed,dataset\n0,made-up\n"; [], "made-up" ] do
        let outcome = glem (sql :: options)
        Assert.Equal(0, outcome.Code)
        Assert.Contains(expected, outcome.Out)
        let note = Assert.Single outcome.ErrorLines
        Assert.StartsWith("note: runs/seed1: ", note)
        Assert.Contains("summary.json", note)

    let schema = glem []
    Assert.Equal("", schema.Err)

    for table in IndexTables.all do
        Assert.Contains(table.Name, schema.Out)

    let refuses arguments =
        GlemProcess.refusesWith [ "GLEM_CACHE", folder.File "cache" ] folder.Path ("query" :: arguments)

    refuses [ sql; "--in"; "nowhere" ] [ "nowhere"; "no such folder" ]
    Directory.CreateDirectory(folder.File "empty") |> ignore
    refuses [ sql; "--in"; "empty" ] [ "empty"; "no run" ]
    refuses [ sql; "--csv"; "--json" ] [ "--csv" ]
