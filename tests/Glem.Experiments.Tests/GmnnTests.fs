module Glem.Experiments.Tests.GmnnTests

open System.IO
open Glem
open TorchSharp
open Xunit

let private outcome recipe seed gcn gmnn = {
    Recipe = recipe
    Seed = seed
    Gcn = { Valid = gcn; Test = gcn }
    Gmnn = { Valid = gmnn; Test = gmnn }
    Seconds = 1.0
}

let private outcomes = [
    outcome GmnnRecipe.cora 0 0.80 0.82
    outcome GmnnRecipe.cora 1 0.82 0.84
    outcome GmnnRecipe.cora 2 0.81 0.84
    outcome GmnnRecipe.citeseer 0 0.70 0.69
]

[<Fact>]
let ``the table sets each data set's mean beside the published one, and one seed has no spread`` () =
    let lines = (GmnnResults.table outcomes).TrimEnd().Split '\n'

    Assert.Equal("| cora | 3 | 81.0 ± 1.0 | 81.5 | 83.3 ± 1.2 | 83.4 ± 0.8 | +2.3 [+0.9, +3.8] | 3 of 3 |", lines[2])

    Assert.Equal("| citeseer | 1 | 70.0 | 70.3 | 69.0 | 73.0 ± 0.8 |  |  |", lines[3])

[<Fact>]
let ``results hold every seed with its configuration, command, code and machine`` () =
    use folder = new TestFolder()

    let compute = {
        Device = torch.CPU
        Precision = Precision.Float32
        Memory = MemoryBudget.standard ()
    }

    GmnnResults.write folder.Path compute "the command" outcomes |> Result.orRaise
    let lines = File.ReadAllLines(folder.File "runs.jsonl")
    Assert.Equal(4, lines.Length)

    for part in
        [
            "\"dataset\":\"citeseer\""
            "\"seed\":0"
            "\"gmnn\":{\"valid\":0.69,\"test\":0.69}"
            "\"command\":\"the command\""
            "\"rule\":\"rmsProp\""
            "\"labels\":\"sampled\""
            "\"libtorch\""
            "\"cpu\""
        ] do
        Assert.Contains(part, lines[3])

    Assert.Contains("`the command`", File.ReadAllText(folder.File "table.md"))

[<Fact>]
let ``the authors' settings are theirs`` () =
    // semisupervised/codes/run_cora.py and run_citeseer.py of DeepGraphLearning/GMNN
    let fit = GmnnRecipe.cora.Fit
    Assert.Equal((16, 0.5, 0.0), (GmnnRecipe.cora.Hidden, GmnnRecipe.cora.InputDropout, GmnnRecipe.cora.HiddenDropout))

    Assert.Equal(
        (Rule.RmsProp, 0.05, 5e-4),
        (fit.Optimiser.Rule, fit.Optimiser.LearningRate, fit.Optimiser.WeightDecay)
    )

    Assert.Equal((100.0, 200.0), (GmnnRecipe.cora.PretrainEpochs, GmnnRecipe.citeseer.PretrainEpochs))

    Assert.Equal(
        (100.0, 1, LabelRecipe.Sampled, 0.1),
        (fit.Epochs, GmnnRecipe.cora.Rounds, GmnnRecipe.cora.Labels, GmnnRecipe.cora.Temperature)
    )

[<Fact>]
let ``GMNN's outcome is its seed's`` () =
    let n, classes = 24, 3

    // Words and links that say little of the class: luck decides.
    let data: Planetoid =
        let labels =
            Labels.ofIndices [| "a"; "b"; "c" |] (Array.init n (fun i -> i % classes)) |> Result.orRaise

        {
            Name = "made up"
            Ids = Array.init n string
            Edges = Csr.symmetric n (seq { for i in 0 .. n - 1 -> struct (i, (i * 5 + 3) % n) })
            Words = Array.init n (fun i -> [| struct (i * i % 7, 1.0) |]) |> SparseRows.ofRows 8
            Labels = labels
            Split =
                Split.ofParts (
                    Array.init n (fun i ->
                        if i < 6 then Train
                        elif i < 12 then Valid
                        else Test)
                )
        }

    let compute = {
        Device = torch.CPU
        Precision = Precision.Float32
        Memory = MemoryBudget.standard ()
    }

    let run seed =
        let recipe = GmnnRecipe.quick GmnnRecipe.cora
        use gmnn = GmnnTrial.prepare compute (fun _ -> ignore) recipe data
        let outcome = GmnnTrial.run recipe data gmnn seed
        outcome.Gcn, outcome.Gmnn

    let seeds = [ 0..4 ]
    Assert.Equal<Score * Score>(List.map run seeds, List.map run seeds)
    Assert.True((seeds |> List.map run |> List.distinct |> List.length) > 1)
