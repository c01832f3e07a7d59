namespace Glem

/// How both students moved from round to round.
module internal CurveSection =
    type private Point = {
        Seed: int
        Chosen: bool
        Metric: Metric
    }

    // Of several evaluations of one event the last counts: it is the one on the restored best checkpoint.
    let private points arm = [
        for run in arm.Runs do
            let curve =
                run.Metrics
                |> List.filter (fun m -> Metric.isOnCurve m && m.Split <> Train)
                |> List.rev
                |> List.distinctBy (fun m -> m.Iteration, m.Model, m.Split)
                |> List.sortBy (fun m -> m.Model, m.Split, m.Iteration)

            for metric in curve do
                {
                    Seed = run.Info.Seed
                    Chosen =
                        run.Summary.Selected
                        |> Option.exists (fun s ->
                            metric.Iteration = (if metric.Model = Student.Lm then s.LmRound else s.GnnRound))
                    Metric = metric
                }
    ]

    let private measures: (string * string * (Metric -> float)) list = [
        "accuracy", "Accuracy, %", (fun m -> 100.0 * m.Accuracy)
        "nll", "Negative log-likelihood, nats", _.Nll
        "ece", "Calibration error (ECE), %", (fun m -> 100.0 * m.Ece)
    ]

    let private figure anchor arm points (key, label, value) =
        let point p =
            Json.object [
                "seed", Json.int p.Seed
                "round", Json.int p.Metric.Iteration
                "model", Json.text (Student.key p.Metric.Model)
                "split", Json.text (if p.Metric.Split = Valid then "Validation" else "Test")
                "chosen", (if p.Chosen then Json.int 1 else None)
                "value", Json.float (value p.Metric)
            ]

        Figure {
            Id = $"%s{anchor}-curve-%s{key}"
            Kind = "curve"
            Description =
                $"%s{label}, by EM round."
                + (if arm.Runs.Length > 1 then
                       " Thick lines are means, thin ones single seeds, bands one standard deviation about the mean."
                   else
                       "")
            Data = Json.object [ "label", Json.text label; "points", points |> Seq.map point |> Json.array ]
        }

    let private table points =
        let rows =
            points
            |> List.groupBy (fun p -> p.Metric.Iteration, p.Metric.Model)
            |> List.sortBy fst
            |> List.map (fun ((round, model), group) ->
                let over part value format =
                    group
                    |> List.filter (fun p -> p.Metric.Split = part)
                    |> List.map (fun p -> value p.Metric)
                    |> Spread.ofValues
                    |> Option.map format
                    |> Option.defaultValue ""

                [
                    string round
                    (if model = Student.Lm then "LM" else "GNN")
                    over Valid _.Accuracy Spread.percent
                    over Test _.Accuracy Spread.percent
                    over Test _.MacroF1 Spread.percent
                    over Test _.Nll (Spread.format 1.0 3)
                    over Test _.Ece Spread.percent
                ])

        Table.create
            "Accuracy, macro-F1 and ECE in percent, NLL in nats"
            [
                "#Round"
                "Student"
                "#Validation accuracy"
                "#Test accuracy"
                "#Test macro-F1"
                "#Test NLL"
                "#Test ECE"
            ]
            rows

    let create anchor arm =
        match points arm with
        | [] -> []
        | points -> [
            {
                Anchor = $"%s{anchor}-curves"
                Title = "EM rounds"
                Blocks = [
                    Prose
                        "Round 0 is training on gold labels alone: the LM on its texts, the GNN on the frozen LM's embeddings. A ring marks the round chosen on validation."
                    yield! measures |> List.map (figure anchor arm points)
                    Folded("The same as a table", [ Table(table points) ])
                ]
            }
          ]
