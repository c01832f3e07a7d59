namespace Glem

open System.Diagnostics

/// What one seed gave: the plain GCN on gold labels, and the q of the EM round chosen on validation.
type GmnnOutcome = {
    Recipe: GmnnRecipe
    Seed: int
    Gcn: Score
    Gmnn: Score
    Seconds: float
}

/// GMNN on one of Planetoid's graphs.
module GmnnTrial =
    /// The method met with the data. The caller owns it.
    let prepare (compute: Compute) watch (recipe: GmnnRecipe) (data: Planetoid) : Gmnn =
        let words = Planetoid.rowNormalised data.Words
        let values = words.Values |> Array.map float32

        let supervision = Supervision.ofSplit data.Labels data.Split |> Result.orRaise

        let shape inputs =
            GcnConfig.gmnn recipe.InputDropout recipe.HiddenDropout inputs recipe.Hidden supervision.ClassCount
            |> Gcn.gnn

        {
            Compute = compute
            Graph = GraphTensors.ofCsr compute.Device data.Edges
            Features = SparseFeatures.ofRows compute.Device words.ColumnCount words.Offsets words.Columns values
            Q = shape words.ColumnCount
            P = shape supervision.ClassCount
            Pretraining = {
                recipe.Fit with
                    Epochs = recipe.PretrainEpochs
            }
            Fit = recipe.Fit
            Draw = Steps.softness "temperature" recipe.Labels recipe.Temperature |> Result.orRaise
            Rounds = recipe.Rounds
            Supervision = supervision
            Validation = Validation.ofSplit data.Labels data.Split |> Result.orRaise
            Watch = watch
        }

    /// Pre-training and EM from one seed.
    let run (recipe: GmnnRecipe) (data: Planetoid) (gmnn: Gmnn) (seed: int) : GmnnOutcome =
        let clock = Stopwatch.StartNew()
        let audit = Audit.ofSplit data.Labels data.Split |> Result.orRaise
        let validation q = Predictions.onValidation gmnn.Validation q |> Metrics.scores

        let score (selected: Selected<Posterior<FeatureGnn>>) : Score = {
            Valid = (validation selected.Run).Accuracy
            Test = (Select.testScores audit id selected).Accuracy
        }

        let key = Key.ofSeed seed
        let pretrained = Gmnn.pretrain gmnn key

        let rounds =
            Gmnn.em gmnn key pretrained
            |> Seq.choose (
                Em.fitted
                >> function
                    | FittedQ(round, _, q) -> Some(round, q)
                    | _ -> None
            )
            |> Seq.toList

        let _, best = (Select.byValidation fst (snd >> validation) rounds).Run

        {
            Recipe = recipe
            Seed = seed
            Gcn = score (Select.only (snd pretrained))
            Gmnn = score (Select.only best)
            Seconds = clock.Elapsed.TotalSeconds
        }
