namespace Glem

open System.Threading

/// Runs cells as glem run runs recipes. One for a grid: data sets are read once.
type CellRun(compute: Compute, store: Store, cancel: CancellationToken, witness: IWitness) =
    let datasets = RecipeDatasets()

    /// The command line that makes the same run by itself.
    static member Command(cell: Cell) : string =
        let start =
            match Recipes.find cell.Recipe.Name with
            | Ok recipe -> recipe
            | Error _ -> Recipes.quickstart

        let settings =
            RecipeChange.at (RecipeChange.paths start cell.Recipe) cell.Recipe
            |> List.map (fun setting -> $" --set %s{ShellWord.quote setting}")
            |> String.concat ""

        $"./glem run --recipe %s{start.Name} --seed %d{cell.Seed}%s{settings}"

    /// Makes a cell's run directory. Errors: as Trial.run; a data set that is not there.
    member _.Make (cell: Cell) (output: string) : Result<Summary, GlemError> =
        datasets.Of cell.Recipe
        |> Result.bind (fun dataset ->
            Trial.runUntil
                cancel
                {
                    Recipe = cell.Recipe
                    Dataset = dataset
                    Seed = cell.Seed
                    Compute = compute
                    Output = output
                    // A repeat that took its stages from the first run would show no noise.
                    Store = if Cell.isRepeat cell then Store.none else store
                    Command = CellRun.Command cell
                }
                witness)
