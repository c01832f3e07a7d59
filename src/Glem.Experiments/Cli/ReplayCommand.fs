namespace Glem

open System.Text.Json.Nodes
open Argu
open Glem.Torch.Extensions

/// glem replay.
module ReplayCommand =
    let private recipe (info: RunInfo) : Result<Recipe, GlemError> =
        Recipes.quickstart
        |> Settings.overlay (JsonNode.Parse(info.Configuration.GetRawText()))
        |> Result.bind Recipe.runnable

    /// The run's data set, if it is still the same.
    let private dataset (file: string) (info: RunInfo) (recipe: Recipe) : Result<Dataset, GlemError> =
        Datasets.atLabelRate recipe.LabelRate recipe.Dataset
        |> Result.bind (fun dataset ->
            if dataset.Fingerprint = info.Dataset.Fingerprint then
                Ok dataset
            else
                let found = $"%s{recipe.Dataset}, whose fingerprint is %s{dataset.Fingerprint}"
                Error(InFile(file, "key 'dataset.fingerprint'", found, info.Dataset.Fingerprint)))

    /// The machine as the run found it, as far as this process can be like it.
    let private compute (file: string) (info: RunInfo) : Result<Compute, GlemError> =
        let precision = info.Machine.Compute.Split(' ')[0]

        if info.Machine.Threads <> Engine.Threads then
            let found = $"%d{Engine.Threads} threads here"
            let expected = $"%d{info.Machine.Threads}: start it with OMP_NUM_THREADS=%d{info.Machine.Threads}"
            Error(InFile(file, "key 'machine.threads'", found, expected))
        else
            ComputeOptions.precision (Some precision)

    let run (options: ParseResults<ReplayArguments>) : Result<unit, GlemError> =
        let folder = options.GetResult ReplayArguments.Run
        let file = RunFolder.info folder

        RunInfo.read file
        |> Result.bind (fun info ->
            recipe info
            |> Result.bind (fun recipe ->
                dataset file info recipe
                |> Result.bind (fun dataset ->
                    compute file info
                    |> Result.bind (fun compute ->
                        StoreOption.find (options.TryGetResult ReplayArguments.Store)
                        |> Result.bind (fun store ->
                            let number = options.GetResult ReplayArguments.Event
                            ProgressView.Run(Replay.step compute store recipe dataset info.Seed number))))))
        |> Result.map (fun replayed ->
            for part, isSame in replayed.Parts do
                Console.line
                    $"""%s{replayed.Stage.Name}, %s{part}: %s{if isSame then "the same bits" else "other bits"}"""

            if replayed.Parts |> List.exists (fun (_, isSame) -> not isSame) then
                failwith $"%s{replayed.Stage.Name} has other bits than the archive (%s{replayed.Stage.Key.Short})")
