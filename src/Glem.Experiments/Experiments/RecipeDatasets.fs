namespace Glem

open System.Collections.Generic

/// The data sets of recipes, as the recipes label them; each is read once.
type RecipeDatasets() =
    let read = Dictionary<string * float, Dataset>()

    /// Error: a data set that is not there.
    member _.Of(recipe: Recipe) : Result<Dataset, GlemError> =
        let key = recipe.Dataset, recipe.LabelRate

        match read.TryGetValue key with
        | true, dataset -> Ok dataset
        | _ ->
            Datasets.atLabelRate recipe.LabelRate recipe.Dataset
            |> Result.map (fun dataset ->
                read[key] <- dataset
                dataset)
