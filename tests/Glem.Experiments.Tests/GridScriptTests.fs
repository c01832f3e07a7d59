module Glem.Experiments.Tests.GridScriptTests

open System
open System.IO
open Glem
open Xunit

/// What glem grid says to a script, on a data set of seconds.
let private grid (folder: TestFolder) script options =
    let built = Path.Combine(GlemProcess.root, "src/Glem.Experiments/bin/Release/net10.0/glem.dll")

    if not (File.Exists built) then
        Assert.Skip "scripts load the Release build, and there is none"

    if not (Directory.Exists(folder.File "colours")) then
        Colours.write (folder.File "colours")

    let arguments = [
        built
        "grid"
        Path.Combine(GlemProcess.root, "scripts", script)
        "--quick"
        "--set"
        "dataset=colours"
        "--set"
        "lm.vocabulary=300"
    ]

    GlemProcess.start "dotnet" folder.Path (TimeSpan.FromMinutes 10.0) [] (arguments @ options)

[<Fact>]
let ``glem grid runs a script with its options`` () =
    use folder = new TestFolder()
    let dry = grid folder "alpha-beta.fsx" [ "--dry-run" ]
    Assert.True((dry.Code = 0), dry.Err)
    Assert.Contains("alpha-beta-quick: How much should each model trust", dry.Out)
    Assert.Contains("5 runs: 5 cells, 1 seed; in runs/alpha-beta-quick/", dry.Out)
    let bad = grid folder "alpha-beta.fsx" [ "--shard"; "2" ]
    Assert.Equal(2, bad.Code)
    Assert.Contains("--shard", Assert.Single bad.ErrorLines)

/// Each experiment script, and a row of what it tells in haste.
[<Theory>]
[<InlineData("alpha-beta", "glem | 0.8 | 0.5")>]
[<InlineData("controls", "selfTraining")>]
[<InlineData("rounds", "glem | gnnFirst | 1")>]
[<InlineData("filters", "matchedRandom | top70")>]
[<InlineData("label-rate", "glem | 0.1")>]
[<InlineData("temperature", "glem | 0.2")>]
[<InlineData("lm-size", "glem | glem-mini")>]
[<InlineData("inductive", "glem | testRemoved")>]
let ``an experiment is a script of less than 30 lines that says its question, command, time and memory, and runs``
    (name: string)
    (row: string)
    =
    let lines = File.ReadAllLines(Path.Combine(GlemProcess.root, "scripts", $"%s{name}.fsx"))
    Assert.InRange(lines.Length, 10, 29)
    Assert.Matches(@"^// .+\?", lines[0])
    Assert.StartsWith($"// ./glem grid scripts/%s{name}.fsx (", lines[1])
    Assert.Matches(@"^// \d+ runs.* min .*core.*, \d GB; writes runs/", lines[2])
    use folder = new TestFolder()
    let outcome = grid folder $"%s{name}.fsx" [ "--out"; "out" ]
    Assert.True((outcome.Code = 0), outcome.Err)
    let found = outcome.Out.Split '\n' |> Array.filter _.StartsWith($"| %s{row} |")
    Assert.Matches(@"\|( \d+\.\d \|){4}", Assert.Single found)
    Assert.Equal(Ok $"%s{name}-quick", ExperimentJson.read (folder.File "out/experiment.json") |> Result.map _.Name)
