module Glem.Experiments.Tests.ScriptTests

open System
open System.IO
open System.Text.RegularExpressions
open Glem
open Xunit

let private script name = Path.Combine(GlemProcess.root, "scripts", name)

[<Theory>]
[<InlineData "quickstart.fsx">]
[<InlineData "gmnn.fsx">]
[<InlineData "custom-gnn.fsx">]
[<InlineData "text-graphs.fsx">]
let ``a script is at most 40 lines`` (name: string) = Assert.InRange(File.ReadAllLines(script name).Length, 10, 40)

/// Runs a script with options; skips the test where there is no build to load.
let private run name options =
    let built = Path.Combine(GlemProcess.root, "src/Glem.Experiments/bin/Release/net10.0/glem.dll")

    if not (File.Exists built) then
        Assert.Skip "scripts load the Release build, and there is none"

    // A store of its own: what an earlier test computed is computed again.
    use store = new TestFolder()
    let environment = [ "GLEM_STORE", store.Path ]
    let arguments = "fsi" :: script name :: "--" :: options
    GlemProcess.start "dotnet" GlemProcess.root (TimeSpan.FromMinutes 10.0) environment arguments

[<Fact>]
let ``the quickstart script runs under dotnet fsi and prints the ladder`` () =
    let outcome = run "quickstart.fsx" [ "--quick" ]
    Assert.True((outcome.Code = 0), outcome.Err)

    for rung in [ "LM alone"; "static two-stage"; "GLEM-LM, round 1"; "GLEM-GNN, round 1" ] do
        Assert.Matches($@"{rung} +valid +\d+\.\d%% +test +\d+\.\d%%", outcome.Out)

    // The full recipe has two rounds: --quick was heard.
    Assert.DoesNotContain("round 2", outcome.Out)

[<Fact>]
let ``the text graphs script runs each graph model over one language model, and reads runs that are there`` () =
    use folder = new TestFolder()
    let ran () = run "text-graphs.fsx" [ "--quick"; "--seeds"; "1"; "--out"; folder.Path ]
    let first = ran ()
    Assert.True((first.Code = 0), first.Err)
    Assert.Single(Regex.Matches(first.Out, @"LM on gold +\d+\.\d s")) |> ignore
    Assert.Single(Regex.Matches(first.Out, "LM on gold +kept from before")) |> ignore
    Assert.Equal(2, Regex.Matches(first.Out, "M-step 1").Count)

    for model in [ "gcn"; "sage" ] do
        Assert.Matches($@"\| {model}: GLEM-GNN \| \d+\.\d \| \d+\.\d \|", first.Out)

    let again = ran ()
    Assert.DoesNotContain("LM on gold", again.Out)

    Assert.Equal(
        File.ReadAllText(folder.File "dotnet-api/table.md").Trim(),
        again.Out.Substring(again.Out.IndexOf "|  |").Trim()
    )

[<Fact>]
let ``the GMNN script prints a line for each seed and the table, and in haste writes nothing`` () =
    match Planetoid.findBeside GlemProcess.root with
    | Error error -> Assert.Skip(GlemError.message error)
    | Ok folder ->
        let results = Path.Combine(GlemProcess.root, "results/gmnn/table.md")
        let before = File.GetLastWriteTimeUtc results
        let outcome = run "gmnn.fsx" [ "--quick"; "--seeds"; "1"; "--data"; folder ]
        Assert.True((outcome.Code = 0), outcome.Err)

        for dataset in [ "cora"; "citeseer" ] do
            Assert.Matches($@"{dataset} 0: GCN \d+\.\d %%  GMNN \d+\.\d %%", outcome.Out)
            Assert.Matches($@"\| {dataset} \| 1 \|", outcome.Out)

        Assert.DoesNotContain("cora 1:", outcome.Out)
        Assert.Equal(before, File.GetLastWriteTimeUtc results)

[<Fact>]
let ``a graph network of one's own is a script of less than 30 lines, and takes the GCN's place`` () =
    Assert.InRange(File.ReadAllLines(script "custom-gnn.fsx").Length, 10, 29)
    let outcome = run "custom-gnn.fsx" [ "--quick" ]
    Assert.True((outcome.Code = 0), outcome.Err)
    Assert.Matches(@"GIN on the LM's embeddings: \d+\.\d ?% on validation", outcome.Out)

[<Fact>]
let ``the script that compares graph models prints a row for each`` () =
    let outcome = run "gnns.fsx" [ "--quick"; "--seeds"; "1" ]
    Assert.True((outcome.Code = 0), outcome.Err)

    for model in
        [
            "label propagation"
            "mlp"
            "gatv2"
            "revGat"
            "gamlp"
            "sagn"
            "gcn + Correct & Smooth"
        ] do
        Assert.Contains($"| {model} | ", outcome.Out)

[<Fact>]
let ``the script that measures fan-outs prints a row with them and one without`` () =
    let outcome = run "fan-outs.fsx" [ "--quick" ]
    Assert.True((outcome.Code = 0), outcome.Err)

    for fanOuts in [ @"\[10,10\]"; "null" ] do
        Assert.Matches($@"\| {fanOuts} \| 0 \| \d+\.\d \| \d+\.\d \|", outcome.Out)

[<Fact>]
let ``the scaling script measures each size in a process of its own and writes table, page and plot`` () =
    use folder = new TestFolder()
    let outcome = run "scaling.fsx" [ "--quick"; "--model"; "gcn"; "--out"; folder.Path ]
    Assert.True((outcome.Code = 0), outcome.Err)
    let lines = File.ReadAllLines(Path.Combine(folder.Path, "scaling.csv"))
    let costs = lines |> Array.choose StepCost.ofLine

    Assert.Equal<(bool * int)[]>(
        [| false, 10000; false, 100000; true, 10000; true, 100000 |],
        costs |> Array.map (fun cost -> cost.Sampled, cost.Edges)
    )

    for cost in costs do
        Assert.True(cost.Processor > 0.0 && cost.Data > 0L, StepCost.toLine cost)

    Assert.Contains("plot.svg", File.ReadAllText(Path.Combine(folder.Path, "report.md")))
    Assert.True(File.Exists(Path.Combine(folder.Path, "plot.svg")))
    let bad = run "scaling.fsx" [ "--quick"; "--model"; "gnc"; "--out"; folder.Path ]
    Assert.Equal(2, bad.Code)
    Assert.Contains("gnc", bad.Err)

[<Fact>]
let ``a script refuses a bad option and a folder without data with code 2 and one error line`` () =
    use folder = new TestFolder()

    for options, part in
        [
            [ "--sedes"; "1" ], "--sedes"
            [ "--data"; folder.Path ], Path.Combine(folder.Path, "cora", "net.txt")
        ] do
        let outcome = run "gmnn.fsx" options
        Assert.Equal(2, outcome.Code)
        Assert.Contains(part, Assert.Single outcome.ErrorLines)
