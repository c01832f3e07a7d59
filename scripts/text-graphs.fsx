// What is GLEM worth on graphs with texts? The whole ladder on each data set, with two graph models over one language model.
// ./glem doctor && dotnet fsi scripts/text-graphs.fsx -- debian my-data [--gnn gcn --gnn sage --seeds N --set path=value --out DIR --quick]
// dotnet-api: about 6 min a seed, 2 cores, 2 GB. Writes runs/text-graphs; runs that are there are read.
#load "Glem.fsx"
open System.IO
open Glem

let options = Script.options<TextGraphsArguments> fsi.CommandLineArgs
let out = options.GetResult(TextGraphsArguments.Out, "runs/text-graphs")
let quick = options.Contains TextGraphsArguments.Quick
let settings = options.GetResults TextGraphsArguments.Set
let gnns = match options.GetResults TextGraphsArguments.Gnn with [] -> [ "gcn"; "sage" ] | named -> named
let seeds = [ 0 .. options.GetResult(TextGraphsArguments.Seeds, 5) - 1 ]
let compute = Compute.automatic ()
// The runs of a seed that differ in their graph model find each other's language model there.
let store = Script.store ()

let request (dataset: Dataset) name seed gnn =
    let settings = $"gnn.model={gnn}" :: settings
    let quickly recipe = if quick then Recipes.quick recipe else recipe
    let recipe = Recipes.quickstart |> Settings.setAll settings |> Result.map quickly |> Result.bind Recipe.validate |> Script.orExit
    let set = settings |> List.map (fun setting -> $" --set {setting}") |> String.concat ""
    let command = $"""./glem run --recipe quickstart --dataset {name} --seed {seed}{set}{if quick then " --quick" else ""}"""
    let output = Path.Combine(out, dataset.Info.Name, gnn, $"seed{seed}")
    { Recipe = { recipe with Dataset = name }; Dataset = dataset; Seed = seed; Compute = compute; Output = output; Store = store; Command = command }

let made request =
    if Directory.Exists request.Output then
        Summary.read (RunFolder.summary request.Output) |> Script.orExit
    else
        printfn $"{request.Dataset.Info.Name}, seed {request.Seed}, {Settings.show request.Recipe.Gnn.Model}"
        Trial.run request ProgressView.Plain |> Script.orExit

for name in options.GetResult(TextGraphsArguments.Datasets, [ "dotnet-api" ]) do
    let dataset = Datasets.find name |> Script.orExit
    let summaries = [ for seed in seeds -> [ for gnn in gnns -> request dataset name seed gnn |> made ] ]
    let table = summaries |> List.transpose |> List.zip gnns |> LadderTable.markdown
    RunFile.write (Path.Combine(out, dataset.Info.Name, "table.md")) table |> Script.orExit
    printfn $"\n{dataset.Info.Name}, {seeds.Length} seeds\n\n{table}"
