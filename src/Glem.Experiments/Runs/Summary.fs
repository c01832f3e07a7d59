namespace Glem

open System.Text.Json.Nodes

/// Accuracy on the validation and on the test nodes, 0 to 1.
type Score = { Valid: float; Test: float }

/// What the two students reached in one EM round; None where the run did not get that far.
type Round = {
    Round: int
    GlemLm: Score option
    GlemGnn: Score option
}

/// What validation accuracy chose. Round 0 is the student as pre-trained on gold labels.
type Selection = {
    LmRound: int
    GnnRound: int
    /// The better of the two on validation: the run's answer.
    Model: Student
}

/// The ladder of a run: summary.json. A rung that was not run is None in memory and absent in the file, never zero.
type Summary = {
    /// The most frequent class of the training nodes, everywhere.
    Majority: Score option
    /// TF-IDF and multinomial logistic regression.
    TfIdf: Score option
    /// The LM on gold labels.
    LmOnly: Score option
    /// The GNN on features without a LM (TF-IDF).
    GnnRaw: Score option
    /// The GNN on the frozen LM's embeddings, gold labels only: the static two-stage pipeline.
    Static: Score option
    /// The LM taught by its own pseudo labels.
    SelfTraining: Score option
    /// GLEM's LM, from the round chosen on validation.
    GlemLm: Score option
    /// GLEM's GNN, from the round chosen on validation.
    GlemGnn: Score option
    Rounds: Round list
    Selected: Selection option
    EmRounds: int
    /// Wall-clock seconds per stage, in the order the stages ran.
    Seconds: (string * float) list
    /// Largest resident set of the process, MiB.
    PeakRssMb: float option
}

module Summary =
    let private score (score: Score) = Json.object [ "valid", Json.float score.Valid; "test", Json.float score.Test ]

    let private readScore at : Score = {
        Valid = at |> Json.field "valid" |> Json.asFraction
        Test = at |> Json.field "test" |> Json.asFraction
    }

    let private round round =
        Json.object [
            "round", Json.int round.Round
            "glemLm", Option.map score round.GlemLm
            "glemGnn", Option.map score round.GlemGnn
        ]

    let private readRound at = {
        Round = at |> Json.field "round" |> Json.asInt
        GlemLm = at |> Json.tryField "glemLm" |> Option.map readScore
        GlemGnn = at |> Json.tryField "glemGnn" |> Option.map readScore
    }

    let private selection selection =
        Json.object [
            "lmRound", Json.int selection.LmRound
            "gnnRound", Json.int selection.GnnRound
            "model", Json.text (Student.key selection.Model)
        ]

    let private readSelection at = {
        LmRound = at |> Json.field "lmRound" |> Json.asInt
        GnnRound = at |> Json.field "gnnRound" |> Json.asInt
        Model = at |> Json.field "model" |> Student.read
    }

    /// summary.json's text. Raises on a NaN or infinite measure.
    let toJson summary =
        Json.object [
            "majority", Option.map score summary.Majority
            "tfidf", Option.map score summary.TfIdf
            "lmOnly", Option.map score summary.LmOnly
            "gnnRaw", Option.map score summary.GnnRaw
            "static", Option.map score summary.Static
            "selfTraining", Option.map score summary.SelfTraining
            "glemLm", Option.map score summary.GlemLm
            "glemGnn", Option.map score summary.GlemGnn
            "rounds", summary.Rounds |> Seq.map round |> Json.array
            "selected", Option.map selection summary.Selected
            "emRounds", Json.int summary.EmRounds
            "seconds", Some(Json.object [ for stage, seconds in summary.Seconds -> stage, Json.float seconds ])
            "peakRssMb", Option.bind Json.float summary.PeakRssMb
        ]
        |> Json.document

    let private reader at =
        let rung key = at |> Json.tryField key |> Option.map readScore
        let orEmpty read value = value |> Option.map read |> Option.defaultValue []

        {
            Majority = rung "majority"
            TfIdf = rung "tfidf"
            LmOnly = rung "lmOnly"
            GnnRaw = rung "gnnRaw"
            Static = rung "static"
            SelfTraining = rung "selfTraining"
            GlemLm = rung "glemLm"
            GlemGnn = rung "glemGnn"
            Rounds = at |> Json.tryField "rounds" |> orEmpty (Json.items >> List.map readRound)
            Selected = at |> Json.tryField "selected" |> Option.map readSelection
            EmRounds = at |> Json.field "emRounds" |> Json.asInt
            Seconds =
                at
                |> Json.tryField "seconds"
                |> orEmpty (Json.fields >> List.map (fun (stage, value) -> stage, Json.asFloat value))
            PeakRssMb = at |> Json.tryField "peakRssMb" |> Option.map Json.asFloat
        }

    let write path summary = RunFile.write path (toJson summary)
    let read path = RunFile.read path |> Result.bind (Json.read path "" reader)
