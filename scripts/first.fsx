// How much should the language model trust the graph? GLEM's E-step for three weights of the GNN's pseudo labels.
// ./glem doctor && dotnet fsi scripts/first.fsx [-- --quick]     about 5 min, 2 cores, 2 GB; writes nothing
#load "Glem.fsx"
open Glem

let recipe = Recipes.quickstart |> if Array.contains "--quick" fsi.CommandLineArgs then Recipes.quick else id
let dataset = Datasets.find recipe.Dataset |> Result.orRaise
let study = Study.prepare (Compute.automatic ()) Script.progress recipe dataset 0 |> Result.orRaise
let encoder = Study.pretrainEncoder study
let lm = Study.lmOnGold study encoder
let gnn = Study.gnnOnEmbeddings study lm

for alpha in [ 0.0; 0.5; 0.9 ] do
    let em = Study.em { study with Study.Recipe.EStep.PseudoWeight = [ alpha ] } encoder lm gnn
    let q = em |> Seq.pick (Em.fitted >> function FittedQ(_, _, q) -> Some q | _ -> None)
    printfn $"alpha {alpha}: {Predictions.onPart dataset.Audit Part.Valid q |> Metrics.accuracy:P1} on validation"
