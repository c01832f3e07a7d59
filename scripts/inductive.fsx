// What is a model worth on nodes that training never saw? GLEM and its parts on dotnet-api under three protocols.
// ./glem doctor && dotnet fsi scripts/inductive.fsx [-- --seeds N --out DIR --quick]     15 runs of 3 min, 2 cores, 2 GB; writes runs/inductive
#load "Glem.fsx"
open System.IO
open Glem

let options = Script.options<InductiveArguments> fsi.CommandLineArgs
let out = options.GetResult(InductiveArguments.Out, "runs/inductive")
let quick = options.Contains InductiveArguments.Quick
let recipe = if quick then Recipes.quick Recipes.scratch else Recipes.scratch
let dataset, store = Datasets.find recipe.Dataset |> Script.orExit, Script.store ()

let run protocol seed =
    let name = Protocol.name protocol
    let output = Path.Combine(out, $"%s{recipe.Name}-%s{name}-seed%d{seed}")
    let quickly = if quick then " --quick" else ""
    let command = $"./glem run --recipe scratch --seed %d{seed} --set protocol=%s{name}%s{quickly}"
    let recipe, compute = { recipe with Protocol = protocol }, Compute.automatic ()
    let request = { Recipe = recipe; Dataset = dataset; Seed = seed; Compute = compute; Output = output; Store = store; Command = command }
    printfn $"{name}, seed {seed}"

    if Directory.Exists output then
        Summary.read (RunFolder.summary output) |> Script.orExit
    else
        Trial.run request ProgressView.Plain |> Script.orExit

let cell (pick: Summary -> Score option) summaries =
    summaries |> List.choose pick |> List.map _.Test |> Spread.ofValues |> Option.map Spread.percent |> Option.defaultValue ""

let table = [
    "| Test accuracy, % | LM alone | GLEM-LM | Static GNN | GLEM-GNN |"
    "|---|---|---|---|---|"
    for protocol in [ Transductive; TestEdgesRemoved; TestRemoved ] do
        let summaries = [ for seed in 0 .. options.GetResult(InductiveArguments.Seeds, 5) - 1 -> run protocol seed ]
        let cells = [ _.LmOnly; _.GlemLm; _.Static; _.GlemGnn ] |> List.map (fun pick -> cell pick summaries)
        $"""| {Protocol.name protocol} | {String.concat " | " cells} |"""
]

RunFile.write (Path.Combine(out, "table.md")) (String.concat "\n" table + "\n") |> Script.orExit
table |> List.iter (printfn "%s")
