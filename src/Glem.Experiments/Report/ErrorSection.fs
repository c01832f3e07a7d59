namespace Glem

/// What the selected student gets wrong, and whether it knows: confusion, per-class scores, reliability.
module internal ErrorSection =
    let private percent (x: float) = Spread.percent { Mean = x; Deviation = None }

    let private selected run = run.Summary.Selected |> Option.map _.Model |> Option.defaultValue Student.Gnn

    let private tested run = run.Predictions |> List.filter (fun p -> p.Split = Test)

    /// (gold, guess) of the labelled test nodes of every run.
    let private guesses student arm = [
        for run in arm.Runs do
            for prediction in tested run do
                match prediction.Label, Prediction.guess (student run) prediction with
                | Some gold, Some guess -> gold, guess
                | _ -> ()
    ]

    let private pooled arm = if arm.Runs.Length > 1 then $", pooled over %d{arm.Runs.Length} runs" else ""

    let private confusionFigure anchor arm confusion =
        let n = confusion.Classes.Length

        let cells = [
            for i in 0 .. n - 1 do
                for j in 0 .. n - 1 do
                    if confusion.Counts[i, j] > 0 then
                        Json.object [
                            "gold", Json.text confusion.Classes[i]
                            "predicted", Json.text confusion.Classes[j]
                            "count", Json.int confusion.Counts[i, j]
                            "share",
                            Json.float (float confusion.Counts[i, j] / float (Array.sum confusion.Counts[i, *]))
                        ]
        ]

        Figure {
            Id = $"%s{anchor}-confusion-chart"
            Kind = "confusion"
            Description =
                $"Confusion on test nodes%s{pooled arm}: rows are gold classes, columns predictions; colour is the share of the row, blue where right, orange where wrong."
            Data =
                Json.object [
                    "classes", confusion.Classes |> Seq.choose Json.text |> Json.array
                    "cells", Json.array cells
                ]
        }

    let private classFigure anchor (scores: ClassScore list) =
        Figure {
            Id = $"%s{anchor}-class-chart"
            Kind = "classes"
            Description = "F1 of each class on test nodes, best first; the number of its test nodes in brackets."
            Data =
                Json.object [
                    "classes",
                    [
                        for s in List.sortByDescending _.F1 scores ->
                            Json.object [
                                "name", Json.text s.Class
                                "f1", Json.float s.F1
                                "support", Json.int s.Support
                            ]
                    ]
                    |> Json.array
                ]
        }

    let private classTable scores =
        Table.create "Per class, percent" [ "Class"; "#Test nodes"; "#Precision"; "#Recall"; "#F1" ] [
            for s in scores ->
                [
                    s.Class
                    string s.Support
                    percent s.Precision
                    percent s.Recall
                    percent s.F1
                ]
        ]

    let private errorTable confusion =
        Table.create "The commonest errors" [ "Gold"; "Predicted"; "#Nodes" ] [
            for gold, predicted, count in Confusion.errors confusion |> List.truncate 10 ->
                [ gold; predicted; string count ]
        ]

    let private confusionSection anchor arm =
        match guesses selected arm with
        | [] -> []
        | pairs ->
            let classes = (List.head arm.Runs).Info.Dataset.Classes
            let confusion = pairs |> List.map (fun (gold, guess) -> gold, guess.Class) |> Confusion.ofPairs classes
            let scores = Confusion.perClass confusion

            [
                {
                    Anchor = $"%s{anchor}-confusion"
                    Title = "Errors of the selected model"
                    Blocks = [
                        confusionFigure anchor arm confusion
                        Table(errorTable confusion)
                        classFigure anchor scores
                        Folded("Per class as a table", [ Table(classTable scores) ])
                    ]
                }
            ]

    let private reliabilitySection anchor arm =
        let perStudent = [
            for student in [ Student.Lm; Student.Gnn ] do
                match guesses (fun _ -> student) arm with
                | [] -> ()
                | pairs ->
                    student,
                    pairs |> List.map (fun (gold, guess) -> guess.Confidence, gold = guess.Class) |> Reliability.bins
        ]

        let bin student (bin: ReliabilityBin) =
            Json.object [
                "model", Json.text (Student.key student)
                "low", Json.float bin.Low
                "high", Json.float bin.High
                "count", Json.int bin.Count
                "accuracy", Json.float bin.Accuracy
                "confidence", Json.float bin.Confidence
            ]

        let errors =
            [
                for student, bins in perStudent do
                    match Reliability.error bins with
                    | Some error -> $"%s{(Student.key student).ToUpperInvariant()} %s{percent error} %%"
                    | None -> ()
            ]
            |> String.concat ", "

        let rows = [
            for student, bins in perStudent do
                for b in bins ->
                    [
                        (Student.key student).ToUpperInvariant()
                        $"%s{percent b.Low} to %s{percent b.High}"
                        string b.Count
                        percent b.Confidence
                        percent b.Accuracy
                    ]
        ]

        if perStudent.IsEmpty then
            []
        else
            [
                {
                    Anchor = $"%s{anchor}-reliability"
                    Title = "Calibration"
                    Blocks = [
                        Prose
                            $"Expected calibration error on test nodes (15 bins%s{pooled arm}): %s{errors}. Points under the diagonal are overconfident."
                        Figure {
                            Id = $"%s{anchor}-reliability-chart"
                            Kind = "reliability"
                            Description =
                                "Reliability on test nodes: accuracy of the guesses in each bin of confidence; a larger mark holds more guesses."
                            Data =
                                Json.object [
                                    "bins",
                                    Json.array [
                                        for s, bins in perStudent do
                                            for b in bins -> bin s b
                                    ]
                                ]
                        }
                        Folded(
                            "The same as a table",
                            [
                                Table(
                                    Table.create
                                        "Bins of confidence, percent"
                                        [ "Student"; "#Bin"; "#Guesses"; "#Mean confidence"; "#Accuracy" ]
                                        rows
                                )
                            ]
                        )
                    ]
                }
            ]

    let create anchor arm = confusionSection anchor arm @ reliabilitySection anchor arm
