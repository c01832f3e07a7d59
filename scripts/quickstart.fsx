// Does GLEM's EM beat its own parts? The quickstart's job, step by step: LM and GNN on gold labels, then EM rounds.
// ./glem doctor && dotnet fsi scripts/quickstart.fsx [-- --seed N --quick]     about 3 min, 2 cores, 2 GB; writes nothing
#load "Glem.fsx"
open Glem

let options = Script.options<QuickstartArguments> fsi.CommandLineArgs
let seed = options.GetResult(QuickstartArguments.Seed, 0)
let recipe = if options.Contains QuickstartArguments.Quick then Recipes.quick Recipes.quickstart else Recipes.quickstart

let dataset = Datasets.find recipe.Dataset |> Result.orRaise
let study = Study.prepare (Compute.automatic ()) Script.progress recipe dataset seed |> Result.orRaise

let show model posterior =
    let accuracy part = posterior |> Predictions.onPart dataset.Audit part |> Metrics.accuracy
    printfn $"%-22s{model} valid %5.1f{100.0 * accuracy Valid}%%  test %5.1f{100.0 * accuracy Test}%%"

// Pre-train: the encoder on texts alone, the LM on gold labels, the GNN on gold labels and the LM's embeddings.
let encoder = Study.pretrainEncoder study
let lm, q = Study.lmOnGold study encoder
let gnn, p = Study.gnnOnEmbeddings study (lm, q)
show "LM alone" q
show "static two-stage" p

// EM: in each E-step the LM learns from the GNN's posterior p, in each M-step the GNN from the LM's posterior q.
for state in Study.em study encoder (lm, q) (gnn, p) do
    match Em.fitted state with
    | FittedQ(round, _, q) -> show $"GLEM-LM, round {round}" q
    | FittedP(round, _, p) -> show $"GLEM-GNN, round {round}" p
    | Fitted.Pretrained -> ()
