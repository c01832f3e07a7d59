namespace Glem

open System.Collections.Generic
open System.Threading

/// Runs cells as glem run runs recipes. One for a grid: data sets are read once.
type CellRun(compute: Compute, store: Store, cancel: CancellationToken, witness: IWitness) =
    let datasets = Dictionary<string, Dataset>()

    let dataset name =
        match datasets.TryGetValue name with
        | true, dataset -> Ok dataset
        | _ ->
            Datasets.find name
            |> Result.map (fun dataset ->
                datasets[name] <- dataset
                dataset)

    // What a shell would take apart stands in quotes.
    static let quoted (setting: string) =
        if
            setting
            |> Seq.forall (fun letter -> System.Char.IsAsciiLetterOrDigit letter || "=._-+/,:".Contains letter)
        then
            setting
        else
            let inside = setting.Replace("'", @"'\''")
            $"'%s{inside}'"

    /// The command line that makes the same run by itself.
    static member Command(cell: Cell) : string =
        let start =
            match Recipes.find cell.Recipe.Name with
            | Ok recipe -> recipe
            | Error _ -> Recipes.quickstart

        let settings =
            RecipeChange.at (RecipeChange.paths start cell.Recipe) cell.Recipe
            |> List.map (fun setting -> $" --set %s{quoted setting}")
            |> String.concat ""

        $"./glem run --recipe %s{start.Name} --seed %d{cell.Seed}%s{settings}"

    /// Makes a cell's run directory. Errors: as Trial.run; a data set that is not there.
    member _.Make (cell: Cell) (output: string) : Result<Summary, GlemError> =
        dataset cell.Recipe.Dataset
        |> Result.bind (fun dataset ->
            Trial.runUntil
                cancel
                {
                    Recipe = cell.Recipe
                    Dataset = dataset
                    Seed = cell.Seed
                    Compute = compute
                    Output = output
                    Store = store
                    Command = CellRun.Command cell
                }
                witness)
