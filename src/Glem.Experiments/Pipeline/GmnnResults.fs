namespace Glem

open System.IO

/// GMNN's reproduction as a table and as lines of JSON.
module GmnnResults =
    /// Test accuracy in percent that others published: GCN by Kipf & Welling 2017, GMNN by its repository's README,
    /// mean and standard deviation over 100 seeds.
    let published =
        Map [
            GmnnRecipe.cora.Dataset, ("81.5", "83.4 ± 0.8")
            GmnnRecipe.citeseer.Dataset, ("70.3", "73.0 ± 0.8")
        ]

    let private row (dataset: string, outcomes: GmnnOutcome list) =
        let spread select = outcomes |> List.map select |> Spread.ofValues |> Option.map Spread.percent
        let gain = outcomes |> List.map (fun o -> o.Gmnn.Test - o.Gcn.Test) |> PairedDifference.ofValues
        let gcn, gmnn = published[dataset]

        [
            dataset
            string outcomes.Length
            spread _.Gcn.Test |> Option.defaultValue ""
            gcn
            spread _.Gmnn.Test |> Option.defaultValue ""
            gmnn
            gain |> Option.map Points.ofDifference |> Option.defaultValue ""
            gain |> Option.map (fun d -> $"%d{d.Above} of %d{d.Pairs}") |> Option.defaultValue ""
        ]

    /// Test accuracy in percent, mean ± standard deviation over seeds, and the paired gain in points with its 95 % interval.
    let table (outcomes: GmnnOutcome list) =
        let heading = [
            "Data set"
            "Seeds"
            "GCN"
            "GCN, published"
            "GMNN"
            "GMNN, published"
            "GMNN − GCN, paired"
            "Seeds above"
        ]

        String.concat "" [
            MarkdownTable.line heading
            MarkdownTable.line (heading |> List.map (fun _ -> "---"))
            yield! outcomes |> List.groupBy _.Recipe.Dataset |> List.map (row >> MarkdownTable.line)
        ]

    let private line (compute: Compute) (command: string) (outcome: GmnnOutcome) =
        let score (score: Score) =
            Json.object [ "valid", Json.float score.Valid; "test", Json.float score.Test ] |> Some

        Json.object [
            "dataset", Json.text outcome.Recipe.Dataset
            "seed", Json.int outcome.Seed
            "gcn", score outcome.Gcn
            "gmnn", score outcome.Gmnn
            "seconds", Json.float outcome.Seconds
            "command", Json.text command
            "configuration", Some(Settings.toJson outcome.Recipe)
            "versions", Some(RunInfo.versionsJson (RunRecord.versions ()))
            "machine", Some(RunInfo.machineJson (RunRecord.machine compute))
        ]
        |> Json.line

    /// Writes table.md and runs.jsonl into a folder, each whole or not at all.
    let write (folder: string) (compute: Compute) (command: string) (outcomes: GmnnOutcome list) =
        let lines =
            outcomes |> List.map (fun outcome -> line compute command outcome + "\n") |> String.concat ""

        let page =
            $"Test accuracy in percent, mean ± standard deviation over seeds; the gain in points with its 95 %% interval. From `%s{command}`.\n\n%s{table outcomes}"

        RunFile.write (Path.Combine(folder, "runs.jsonl")) lines
        |> Result.bind (fun () -> RunFile.write (Path.Combine(folder, "table.md")) page)
