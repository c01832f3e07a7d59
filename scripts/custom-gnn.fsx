// How does a graph network of your own join GLEM? GIN's sums (Xu et al. 2019) in place of a GCN.
// ./glem doctor && dotnet fsi scripts/custom-gnn.fsx [-- --quick]     4 min, 2 cores, 2 GB; writes nothing
#load "Glem.fsx"
open Glem
open TorchSharp
open Glem.Torch.Extensions

/// relu(W (x + sum over neighbours)), twice, and a linear layer: a function of (parameters, graph, features).
let gin inputs hidden classes =
    let weights = GnnWeight.linear "a1" hidden inputs @ GnnWeight.linear "a2" hidden hidden @ GnnWeight.linear "out" classes hidden
    Gnn.ofForward classes weights (fun pass graph x ->
        let ones = torch.ones [| graph.Edges.Col.shape[0]; 1L |]
        let layer name x = (pass.Linear name (Dense(GraphOps.EdgeSpmm(graph.Edges, ones, x).add x))).relu ()
        NodeFeatures.toDense x |> layer "a1" |> pass.Dropout 0.5 |> layer "a2" |> Dense |> pass.Linear "out")

let recipe = Recipes.quickstart |> if Array.contains "--quick" fsi.CommandLineArgs then Recipes.quick else id
let dataset = Datasets.find recipe.Dataset |> Result.orRaise
let prepared = Study.prepare (Compute.automatic ()) Script.progress recipe dataset 0 |> Result.orRaise
let study = { prepared with Gnn = fun inputs -> gin inputs.Columns recipe.Gnn.Hidden dataset.ClassNames.Length }
let lm = Study.pretrainEncoder study |> Study.lmOnGold study
let _, p = Study.gnnOnEmbeddings study lm
printfn $"GIN on the LM's embeddings: {Predictions.onPart dataset.Audit Part.Valid p |> Metrics.accuracy:P1} on validation"
