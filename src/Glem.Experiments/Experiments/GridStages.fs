namespace Glem

open System.Text.Json.Nodes

/// Stages of one name, over a grid's missing runs.
type GridStageRow = {
    /// "E-step 1".
    Name: string
    /// Runs that ask for one.
    Asked: int
    /// Different ones: the others are shared between runs.
    Distinct: int
    /// Of these, in the store.
    Kept: int
}

/// What a grid's missing runs will ask of the store.
type GridStages = {
    /// In the order in which runs ask for them.
    Rows: GridStageRow list
    /// What is to be computed, by what stages of the same kind took on the same data set; None where one of the kinds was
    /// never measured.
    Seconds: float option
}

module GridStages =
    let private dataset (configuration: JsonNode) = string configuration["dataset"]

    /// What stages took on average, by kind and data set.
    let private measured (store: Store) =
        store.Manifests
        |> List.groupBy (fun manifest -> manifest.Kind, dataset manifest.Configuration)
        |> List.map (fun (kind, manifests) -> kind, manifests |> List.averageBy _.Seconds)
        |> Map

    let private seconds (store: Store) (missing: StageSpec list) =
        let measured = measured store
        let costs = missing |> List.map (fun stage -> measured.TryFind(stage.Kind, dataset stage.Configuration))

        if List.forall Option.isSome costs then
            Some(costs |> List.sumBy Option.get)
        else
            None

    /// The stages of some cells' runs, in the cells' order. Reads their data sets.
    let private runs (compute: Compute) (threads: int) (cells: Cell list) : RunStages list =
        let build = BuildIdentity.json compute
        build["threads"] <- JsonValue.Create threads
        let datasets = RecipeDatasets()

        cells
        |> List.map (fun cell ->
            RunStages.ofRun build cell.Recipe (datasets.Of cell.Recipe |> Result.orRaise) cell.Seed)

    let private isKept (store: Store) (stage: StageSpec) = (store.TryFind stage.Key).IsSome

    /// Asks the store what it has of the stages of some cells. Computes none of them, but reads their data sets.
    ///   threads : of the processes that will run them, for bits depend on it
    /// Errors: a data set, or a file that a recipe names, that is not there.
    let look (store: Store) (compute: Compute) (threads: int) (cells: Cell list) : Result<GridStages, GlemError> =
        RunFile.guard "the cells' recipes" "files that are there" (fun () ->
            // A repeat asks the store for nothing.
            let asked =
                cells |> List.filter (Cell.isRepeat >> not) |> runs compute threads |> List.collect RunStages.all

            let distinct = asked |> List.distinctBy _.Key
            let kept, missing = distinct |> List.partition (isKept store)
            let count name = List.filter (fun (stage: StageSpec) -> stage.Name = name) >> List.length

            {
                Rows = [
                    for name in asked |> List.map _.Name |> List.distinct ->
                        {
                            Name = name
                            Asked = count name asked
                            Distinct = count name distinct
                            Kept = count name kept
                        }
                ]
                Seconds = seconds store missing
            })

    /// Each cell with the stages of its language model that the store lacks, from texts to gold labels: they take long, and cells
    /// that begin alike share them. Arguments and errors: as look.
    let missingModels
        (store: Store)
        (compute: Compute)
        (threads: int)
        (cells: Cell list)
        : Result<(Cell * StageKey list) list, GlemError> =
        RunFile.guard "the cells' recipes" "files that are there" (fun () ->
            runs compute threads cells
            |> List.map2
                (fun cell stages ->
                    cell,
                    // A repeat takes nothing from the store and brings nothing into it.
                    if Cell.isRepeat cell then
                        []
                    else
                        [ yield! Option.toList stages.Encoder; stages.Lm ]
                        |> List.filter (isKept store >> not)
                        |> List.map _.Key)
                cells)
