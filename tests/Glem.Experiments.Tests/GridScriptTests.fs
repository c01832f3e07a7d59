module Glem.Experiments.Tests.GridScriptTests

open System
open System.IO
open Glem
open Xunit

let private script = Path.Combine(GlemProcess.root, "scripts", "alpha-beta.fsx")

[<Fact>]
let ``an experiment is a script of less than 30 lines, which glem grid runs with its options`` () =
    Assert.InRange(File.ReadAllLines(script).Length, 10, 29)
    let built = Path.Combine(GlemProcess.root, "src/Glem.Experiments/bin/Release/net10.0/glem.dll")

    if not (File.Exists built) then
        Assert.Skip "scripts load the Release build, and there is none"

    use folder = new TestFolder()
    Colours.write (folder.File "colours")

    let grid options =
        let arguments = [
            built
            "grid"
            script
            "--quick"
            "--set"
            "dataset=colours"
            "--set"
            "lm.vocabulary=300"
        ]

        GlemProcess.start "dotnet" folder.Path (TimeSpan.FromMinutes 10.0) [] (arguments @ options)

    let dry = grid [ "--dry-run" ]
    Assert.True((dry.Code = 0), dry.Err)
    Assert.Contains("alpha-beta-quick: How much should each model trust", dry.Out)
    Assert.Contains("5 runs: 5 cells, 1 seed; in runs/alpha-beta-quick/", dry.Out)
    let outcome = grid [ "--out"; "out" ]
    Assert.True((outcome.Code = 0), outcome.Err)
    Assert.Matches(@"\| glem \| 0.8 \| 0.5 \| 1 \|( \d+\.\d \|){4}", outcome.Out)
    Assert.Equal(Ok "alpha-beta-quick", ExperimentJson.read (folder.File "out/experiment.json") |> Result.map _.Name)
    let bad = grid [ "--shard"; "2" ]
    Assert.Equal(2, bad.Code)
    Assert.Contains("--shard", Assert.Single bad.ErrorLines)
