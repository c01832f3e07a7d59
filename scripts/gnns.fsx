// Which graph model fits dotnet-api? Each with its defaults on TF-IDF and gold labels alone, three seeds.
// ./glem doctor && dotnet fsi scripts/gnns.fsx [-- --seeds N --dataset D --quick]     25 min, 2 cores, 2 GB; writes nothing
#load "Glem.fsx"
open System.Diagnostics
open Glem

let options = Script.options<GnnsArguments> fsi.CommandLineArgs
let start = Recipes.quickstart |> if options.Contains GnnsArguments.Quick then Recipes.quick else id
let seeds = [ 0 .. options.GetResult(GnnsArguments.Seeds, 3) - 1 ]
let dataset = options.GetResult(GnnsArguments.Dataset, start.Dataset) |> Datasets.find |> Script.orExit
let compute = Compute.automatic ()

let classes = dataset.ClassNames.Length

/// A study of each seed, its features made.
let studies = [
    for seed in seeds do
        let study = Study.prepare compute (fun _ _ -> ()) start dataset seed |> Script.orExit
        study.Raw.Force() |> ignore
        study
]

let score (p: Posterior<'s>) = [ for part in [ Part.Valid; Part.Test ] -> Predictions.onPart dataset.Audit part p |> Metrics.accuracy ]

/// A row of what a name answers to each study.
let row (name: string) (posterior: Study -> Posterior<'s>) =
    let clock = Stopwatch.StartNew()
    let scores = studies |> List.map (posterior >> score)
    let seconds = clock.Elapsed.TotalSeconds / float seeds.Length
    let cell at = scores |> List.map (List.item at) |> Spread.ofValues |> Option.map Spread.percent |> Option.defaultValue ""
    printfn $"| {name} | {cell 0} | {cell 1} | %.1f{seconds} |"

let ofModel model = { start.Gnn with Model = model }
let withRecipe gnn (study: Study) =
    { study with Recipe = { study.Recipe with Gnn = gnn }; Gnn = fun inputs -> GraphModel.ofRecipe gnn inputs classes |> GnnConfig.gnn }

let trained gnn (study: Study) = Study.gnnOnFeatures (withRecipe gnn study) study.Raw.Value |> snd
let corrected gnn (study: Study) =
    trained gnn study |> CorrectAndSmooth.apply compute CorrectAndSmooth.standard study.Graph study.Supervision

/// Reads gold labels beside the features, each hidden from its own node.
let readingLabels gnn (study: Study) =
    let nobody: Posterior<Lm> = Posterior.uniform study.Supervision.NodeCount classes
    let labels = LabelInput.rows GoldOnly gnn.LabelFolds (Key.ofSeed study.Seed) study.Supervision nobody
    let inputs = { Study.featureInputs study.Raw.Value with Labels = labels }
    Study.gnnOnGold (withRecipe gnn study) "GNN on gold" "gnn-raw" inputs |> snd |> snd

/// The published warm-up and choices of 1,000 epochs, in 200.
let consistency = { ConsistencyRecipe.published with WarmUp = 20; ReselectEvery = 4 }

printfn "| model | valid, %% | test, %% | seconds |\n|---|---|---|---|"
row "label propagation" (fun study ->
    LabelPropagation.predict compute LabelPropagation.standard study.Graph study.Supervision)

for model in [ GnnModel.Mlp; GnnModel.Gcn ] do
    row (Settings.show model) (trained (ofModel model))
    row $"{Settings.show model} + Correct & Smooth" (corrected (ofModel model))

for model in [ GnnModel.Sgc; GnnModel.Sign; GnnModel.Sage; GnnModel.Gat; GnnModel.Appnp; GnnModel.Gatv2; GnnModel.Sagn; GnnModel.Gamlp; GnnModel.RevGat ] do
    row (Settings.show model) (trained (ofModel model))

row "sagn + SCR" (trained { ofModel GnnModel.Sagn with Consistency = Some consistency })
row "gamlp, gold labels read" (readingLabels (ofModel GnnModel.Gamlp))
row "gamlp + RLU" (readingLabels { ofModel GnnModel.Gamlp with ReliableLabels = Some ReliableLabelsRecipe.published })
