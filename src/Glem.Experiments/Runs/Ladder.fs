namespace Glem

open Spectre.Console

/// One line of the ladder.
type Rung = {
    /// summary.json's key.
    Key: string
    Name: string
    Score: Score
    /// "selected" for the run's answer, "best round" for the other student's choice, else "".
    Mark: string
}

/// The baseline ladder, from knowing nothing to GLEM.
module Ladder =
    /// What can stand on the ladder, in reading order: summary.json's key, a name for people, where to find it.
    let rungs: (string * string * (Summary -> Score option)) list = [
        "majority", "Majority class", _.Majority
        "tfidf", "TF-IDF + logistic regression", _.TfIdf
        "lmOnly", "LM alone", _.LmOnly
        "gnnRaw", "GNN on TF-IDF", _.GnnRaw
        "static", "Static two-stage (GNN on frozen LM)", _.Static
        "selfTraining", "LM self-training", _.SelfTraining
        "glemLm", "GLEM-LM", _.GlemLm
        "glemGnn", "GLEM-GNN", _.GlemGnn
    ]

    let name key = rungs |> List.pick (fun (k, name, _) -> if k = key then Some name else None)

    let private mark summary student round =
        match summary.Selected with
        | Some chosen when
            (match student with
             | Student.Lm -> chosen.LmRound
             | Student.Gnn -> chosen.GnnRound)
                =
                round
            ->
            if chosen.Model = student then "selected" else "best round"
        | _ -> ""

    /// The baselines, then both students after each round. Pre-training is round 0, so the mark falls on "LM alone"
    /// or on the static two-stage pipeline where no EM round beat it on validation.
    let ofSummary (summary: Summary) = [
        for key, name, pick in rungs do
            match pick summary with
            | Some score when key <> "glemLm" && key <> "glemGnn" -> {
                Key = key
                Name = name
                Score = score
                Mark =
                    (match key with
                     | "lmOnly" -> mark summary Student.Lm 0
                     | "static" -> mark summary Student.Gnn 0
                     | _ -> "")
              }
            | _ -> ()

        for round in summary.Rounds do
            for key, student, score in [ "glemLm", Student.Lm, round.GlemLm; "glemGnn", Student.Gnn, round.GlemGnn ] do
                match score with
                | Some score -> {
                    Key = key
                    Name = $"%s{name key}, round %d{round.Round}"
                    Score = score
                    Mark = mark summary student round.Round
                  }
                | None -> ()
    ]

    /// The ladder as a table on any console; accuracies in percent.
    let render (console: IAnsiConsole) (summary: Summary) =
        let table = ConsoleTable.create console
        let percent (x: float) = (100.0 * x).ToString("0.0", System.Globalization.CultureInfo.InvariantCulture)
        let style text = if console.Profile.Out.IsTerminal then $"[green]%s{text}[/]" else text

        table.AddColumn "Accuracy, %" |> ignore
        table.AddColumn(TableColumn("Validation").RightAligned().NoWrap()) |> ignore
        table.AddColumn(TableColumn("Test").RightAligned().NoWrap()) |> ignore
        table.AddColumn(TableColumn("On validation").NoWrap()) |> ignore

        for rung in ofSummary summary do
            let cells = [|
                Markup.Escape rung.Name
                percent rung.Score.Valid
                percent rung.Score.Test
                rung.Mark
            |]

            table.AddRow(if rung.Mark = "selected" then Array.map style cells else cells) |> ignore

        console.Write table
