namespace Glem

/// Differences within a run: both models saw the same seed and split, so the seed's own luck cancels.
module internal PairedSection =
    let private comparisons: (string * Student * (Summary -> Score option) * (Summary -> Score option)) list = [
        "GLEM-LM − LM alone", Student.Lm, _.GlemLm, _.LmOnly
        "GLEM-LM − LM self-training", Student.Lm, _.GlemLm, _.SelfTraining
        "GLEM-GNN − static two-stage", Student.Gnn, _.GlemGnn, _.Static
        "GLEM-GNN − GNN on TF-IDF", Student.Gnn, _.GlemGnn, _.GnnRaw
        "LM alone − TF-IDF + logistic regression", Student.Lm, _.LmOnly, _.TfIdf
    ]

    let private effects arm = [
        for name, student, better, baseline in comparisons do
            let values = [
                for run in arm.Runs do
                    match better run.Summary, baseline run.Summary with
                    | Some a, Some b -> run.Info.Seed, a.Test - b.Test
                    | _ -> ()
            ]

            if not values.IsEmpty then
                {
                    Comparing = name
                    Student = student
                    Differences = values
                }
    ]

    let private row effect =
        let values = effect.Differences |> List.map snd
        let up = values |> List.filter (fun d -> d > 0.0) |> List.length

        [
            effect.Comparing
            Spread.ofValues values |> Option.map Spread.points |> Option.defaultValue ""
            Forest.interval effect |> Option.map Forest.bounds |> Option.defaultValue ""
            $"%d{up} of %d{values.Length}"
            effect.Differences
            |> List.map (fun (seed, d) -> $"%d{seed}: %s{Points.ofFraction d}")
            |> String.concat "; "
        ]

    let create anchor arm =
        match effects arm with
        | [] -> []
        | effects -> [
            {
                Anchor = $"%s{anchor}-paired"
                Title = "Paired differences"
                Blocks = [
                    Forest.figure
                        $"%s{anchor}-paired-chart"
                        "Test accuracy of one model minus another's in the same run, in points"
                        effects
                    Table.create
                        "Differences in test accuracy, points; the interval is Student's t over seeds"
                        [ "Comparison"; "#Difference"; "#95 % interval"; "#Above zero"; "Each seed" ]
                        (List.map row effects)
                    |> Table
                ]
            }
          ]
