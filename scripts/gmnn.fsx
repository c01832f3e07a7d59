// Does EM lift a plain GCN? GMNN (Qu, Bengio & Tang 2019) on Cora and Citeseer, with its authors' settings.
// ./glem doctor && dotnet fsi scripts/gmnn.fsx [-- --data DIR --seeds N --quick]     1 min; writes results/gmnn/
#load "Glem.fsx"
open System.IO
open Glem

let options = Script.options<GmnnArguments> fsi.CommandLineArgs
let quick = options.Contains GmnnArguments.Quick
let seeds = options.GetResult(GmnnArguments.Seeds, if quick then 2 else 20)

let folder =
    match options.TryGetResult GmnnArguments.Data with
    | Some folder -> folder
    | None -> Planetoid.findBeside __SOURCE_DIRECTORY__ |> Script.orExit

let compute = { Compute.automatic () with Precision = Precision.Float32 }

let outcomes = [
    for recipe in [ GmnnRecipe.cora; GmnnRecipe.citeseer ] |> List.map (if quick then GmnnRecipe.quick else id) do
        let data = Planetoid.read (Path.Combine(folder, recipe.Dataset)) |> Script.orExit
        use gmnn = GmnnTrial.prepare compute (fun _ -> ignore) recipe data

        for seed in 0 .. seeds - 1 do
            let outcome = GmnnTrial.run recipe data gmnn seed
            printfn $"{recipe.Dataset} {seed}: GCN {outcome.Gcn.Test:P1}  GMNN {outcome.Gmnn.Test:P1}  {outcome.Seconds:F1} s"
            outcome
]

printfn $"\n{GmnnResults.table outcomes}"

if not quick then
    let results = Path.Combine(__SOURCE_DIRECTORY__, "..", "results", "gmnn")
    GmnnResults.write results compute $"dotnet fsi scripts/gmnn.fsx -- --seeds {seeds}" outcomes |> Script.orExit
