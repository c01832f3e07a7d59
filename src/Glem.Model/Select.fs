namespace Glem

/// A run (a checkpoint, a round, a model) chosen on validation alone. Only a Selected run is scored on test.
type Selected<'run> =
    private
    | Selected of 'run

    member this.Run = let (Selected run) = this in run

module Select =
    /// The run with the highest validation accuracy; ties go to the lower NLL, then to the earlier round. Both are
    /// plain scores against gold labels: the training mixture would be constant at alpha = 0.
    /// Raises ArgumentException where there is no run.
    let byValidation (round: 'run -> int) (validation: 'run -> Scores) (runs: seq<'run>) =
        runs
        |> Seq.minBy (fun run ->
            let scores = validation run
            struct (-scores.Accuracy, scores.Nll, round run))
        |> Selected

    /// A run that had no rival: a baseline, or one round's model in a report on all rounds.
    let only (run: 'run) = Selected run

    /// Test scores of a selected run.
    let testScores (audit: Audit) (posterior: 'run -> Posterior<'s>) (selected: Selected<'run>) =
        posterior selected.Run |> Predictions.onPart audit Test |> Metrics.scores
