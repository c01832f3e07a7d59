module Glem.Experiments.Tests.SharedRunTests

open System.IO
open Glem
open TorchSharp
open Xunit

let private request (folder: TestFolder) settings name : TrialRequest = {
    Recipe = Settings.setAll settings Colours.recipe |> Result.orRaise
    Dataset = Colours.dataset.Value
    Seed = 3
    Compute = {
        Device = torch.CPU
        Precision = Precision.Float32
        Memory = MemoryBudget.standard ()
    }
    Output = folder.File name
    Command = "a test"
}

[<Fact>]
let ``a run that shares its language model with another gives the bits that it gives alone`` () =
    use folder = new TestFolder()
    let gcn = request folder [ "gnn.model=gcn" ]
    let sage = request folder [ "gnn.model=sage"; "rounds=1" ]
    Trial.runAll [ gcn "gcn"; sage "sage" ] Witness.silent |> Result.orRaise |> ignore
    Trial.run (sage "alone") Witness.silent |> Result.orRaise |> ignore

    for name in [ "metrics.jsonl"; "elbo.jsonl"; "audit.jsonl"; "predictions.csv" ] do
        let read run = File.ReadAllText(Path.Combine(folder.File run, name))
        Assert.Equal(read "alone", read "sage")
        Assert.NotEqual<string>(read "gcn", read "sage")

[<Fact>]
let ``runs of two language models are not shared, and none of them begins`` () =
    use folder = new TestFolder()
    let one = request folder [] "one"
    let other = request folder [ "lmFit.epochs=3" ] "other"

    match Trial.runAll [ one; other ] Witness.silent with
    | Error(InSetting("lmFit", _, _)) -> Assert.Empty(Directory.GetFileSystemEntries folder.Path)
    | answer -> Assert.Fail $"%A{answer}"

[<Fact>]
let ``the ladder's table pairs what EM adds with the rung below, seed by seed`` () =
    let score test : Score option = Some { Valid = 0.5; Test = test }

    let summary lm glem = {
        Majority = None
        TfIdf = None
        LmOnly = score lm
        GnnRaw = None
        Static = None
        SelfTraining = None
        GlemLm = score glem
        GlemGnn = None
        Rounds = []
        Selected = None
        EmRounds = 1
        Seconds = []
        PeakRssMb = None
    }

    let table = LadderTable.markdown [ "gcn", [ summary 0.70 0.72; summary 0.80 0.84; summary 0.75 0.74 ] ]
    // Differences of 2, 4 and -1 points: mean 5/3, standard deviation 2.517, t(2, 97.5 %) = 4.303.
    Assert.Contains("| gcn: GLEM-LM | 50.0 ± 0.0 | 76.7 ± 6.4 | +1.7 [−4.6, +7.9] over LM alone, 2 of 3 |", table)
    Assert.Contains("| LM alone | 50.0 ± 0.0 | 75.0 ± 5.0 |  |", table)
    Assert.DoesNotContain("Majority", table)
