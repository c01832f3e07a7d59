namespace Glem

/// Differences within a run: both models saw the same seed and split, so the seed's own luck cancels.
module internal PairedSection =
    let private comparisons: (string * (Summary -> Score option) * (Summary -> Score option)) list = [
        "GLEM-LM − LM alone", _.GlemLm, _.LmOnly
        "GLEM-LM − LM self-training", _.GlemLm, _.SelfTraining
        "GLEM-GNN − static two-stage", _.GlemGnn, _.Static
        "GLEM-GNN − GNN on TF-IDF", _.GlemGnn, _.GnnRaw
        "LM alone − TF-IDF + logistic regression", _.LmOnly, _.TfIdf
    ]

    let private differences arm = [
        for name, better, baseline in comparisons do
            let values = [
                for run in arm.Runs do
                    match better run.Summary, baseline run.Summary with
                    | Some a, Some b -> run.Info.Seed, a.Test - b.Test
                    | _ -> ()
            ]

            if not values.IsEmpty then
                name, values
    ]

    let create anchor arm =
        let differences = differences arm

        let row (name, values) =
            let spread = values |> List.map snd |> Spread.ofValues
            let up = values |> List.filter (fun (_, d) -> d > 0.0) |> List.length

            [
                name
                spread |> Option.map Spread.points |> Option.defaultValue ""
                $"%d{up} of %d{values.Length}"
                values |> List.map (fun (seed, d) -> $"%d{seed}: %s{Points.ofFraction d}") |> String.concat "; "
            ]

        let data = [
            for name, values in differences do
                for seed, d in values ->
                    Json.object [ "name", Json.text name; "seed", Json.int seed; "difference", Json.float d ]
        ]

        if differences.IsEmpty then
            []
        else
            [
                {
                    Anchor = $"%s{anchor}-paired"
                    Title = "Paired differences"
                    Blocks = [
                        Figure {
                            Id = $"%s{anchor}-paired-chart"
                            Kind = "paired"
                            Description =
                                "Test accuracy of one model minus another's in the same run, in points; the bar is the mean."
                            Data = Json.object [ "differences", Json.array data ]
                        }
                        Table(
                            Table.create
                                "Differences in test accuracy, points"
                                [ "Comparison"; "#Difference"; "#Above zero"; "Each seed" ]
                                (List.map row differences)
                        )
                    ]
                }
            ]
