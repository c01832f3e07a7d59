namespace Glem

/// A recipe that says where its fields come from.
type SourcedRecipe = {
    Recipe: Recipe
    /// What it is, in one line.
    What: string
    /// Paths of settings and their sources; of two that speak of one field, the first holds.
    Sources: (string * string) list
    /// The source of every other field.
    Otherwise: string
    /// What the source does that no field says, and where it says so.
    Unsaid: (string * string) list
}

module SourcedRecipe =
    /// Fields that another one leaves without effect, and which.
    let private idle (recipe: Recipe) = [
        if recipe.Mlm.Fit.Epochs = 0.0 then
            "mlm", "without effect: mlm.fit.epochs is 0"

        if recipe.LmFit.Epochs = 0.0 then
            "lmFit", "without effect: lmFit.epochs is 0"

        if recipe.Gnn.Features = Raw then
            "lm.embedding", "without effect: gnn.features is raw"

        if recipe.Gnn.LabelInput = Off then
            "gnn.labelFolds", "without effect: gnn.labelInput is off"

        for name, step in [ "eStep", recipe.EStep; "mStep", recipe.MStep ] do
            if step.Filter = FilterRecipe.Everyone then
                $"%s{name}.sureness", $"without effect: %s{name}.filter is everyone"
    ]

    /// Where the value of the field at a path comes from.
    let source (path: string) (sourced: SourcedRecipe) =
        // A setting may reach into a field's value ("eStep.filter.top"), or hold many fields ("eStep").
        let speaksOf (setting: string) =
            setting = path || setting.StartsWith $"%s{path}." || path.StartsWith $"%s{setting}."

        sourced.Sources @ idle sourced.Recipe
        |> List.tryPick (fun (setting, source) -> if speaksOf setting then Some source else None)
        |> Option.defaultValue sourced.Otherwise

    /// A recipe that changes another one's settings at some paths, and the source of these.
    let changed source (paths: string list) (start: SourcedRecipe) (recipe: Recipe) : SourcedRecipe = {
        start with
            Recipe = recipe
            What = $"%s{start.Recipe.Name}, changed by %s{source}"
            Sources = (paths |> List.map (fun path -> path, source)) @ start.Sources
    }
