module Glem.Experiments.Tests.ScriptTests

open System
open System.IO
open Xunit

let private quickstart = Path.Combine(GlemProcess.root, "scripts/quickstart.fsx")

[<Fact>]
let ``the quickstart script is at most 40 lines`` () = Assert.InRange(File.ReadAllLines(quickstart).Length, 10, 40)

let private inductive = Path.Combine(GlemProcess.root, "scripts/inductive.fsx")

[<Fact>]
let ``the inductive script is at most 40 lines`` () = Assert.InRange(File.ReadAllLines(inductive).Length, 10, 40)

[<Fact>]
let ``the inductive script prints a row for each protocol, and reads runs that are there`` () =
    let built = Path.Combine(GlemProcess.root, "src/Glem.Experiments/bin/Release/net10.0/glem.dll")

    if not (File.Exists built) then
        Assert.Skip "scripts load the Release build, and there is none"

    use folder = new TestFolder()
    let options = [ "--quick"; "--seeds"; "1"; "--out"; folder.Path ]

    let run () =
        let arguments = [ "fsi"; inductive; "--" ] @ options
        let outcome = GlemProcess.start "dotnet" GlemProcess.root (TimeSpan.FromMinutes 10.0) [] arguments
        Assert.True((outcome.Code = 0), outcome.Err)

        for protocol in [ "transductive"; "testEdgesRemoved"; "testRemoved" ] do
            Assert.Matches($@"\| {protocol} \|( \d+\.\d \|){{4}}", outcome.Out)

        outcome.Out

    let table (out: string) = out.Substring(out.IndexOf "| Test accuracy")
    let first = run ()
    Assert.Contains("M-step", first)
    let again = run ()
    Assert.DoesNotContain("M-step", again)
    Assert.Equal(table first, table again)

[<Fact>]
let ``the quickstart script runs under dotnet fsi and prints the ladder`` () =
    let built = Path.Combine(GlemProcess.root, "src/Glem.Experiments/bin/Release/net10.0/glem.dll")

    if not (File.Exists built) then
        Assert.Skip "scripts load the Release build, and there is none"

    let outcome =
        GlemProcess.start "dotnet" GlemProcess.root (TimeSpan.FromMinutes 10.0) [] [
            "fsi"
            quickstart
            "--"
            "--quick"
        ]

    Assert.True((outcome.Code = 0), outcome.Err)

    for rung in [ "LM alone"; "static two-stage"; "GLEM-LM, round 1"; "GLEM-GNN, round 1" ] do
        Assert.Matches($@"{rung} +valid +\d+\.\d%% +test +\d+\.\d%%", outcome.Out)
