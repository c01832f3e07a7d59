namespace Glem

open System.IO
open System.Text.Json
open System.Text.Json.Nodes

/// Experiments as JSON: the fields of the record, as Settings has them. The recipe stands in full, or is a recipe's name, or
/// has a "base" and what it changes.
module ExperimentJson =
    /// The canonical text: every field, the recipe in full. Equal experiments give equal texts.
    let write (experiment: Experiment) : string = Settings.toJson experiment |> Json.document

    let private recipe (json: JsonObject) : Result<Recipe, GlemError> =
        match json["recipe"] with
        | null -> Error(InSetting("recipe", "nothing", "a recipe's name, or an object with its settings"))
        | :? JsonObject as changes ->
            let start =
                match changes["base"] with
                | null -> Recipes.quickstart.Name
                | name -> name.ToString()

            changes.Remove "base" |> ignore

            Recipes.find start
            |> Result.bind (Settings.overlay changes)
            |> Result.mapError (function
                | InSetting(key, found, expected) -> InSetting($"recipe.%s{key}", found, expected)
                | error -> error)
        | name -> Recipes.find (name.ToString())

    /// Axes and arms in their one form: what they set of the base.
    let private canonical (experiment: Experiment) : Result<Experiment, GlemError> =
        let arm (arm: ExperimentArm) =
            Settings.setAll arm.Settings experiment.Recipe
            |> Result.bind (RecipeChange.between $"arms.%s{arm.Name}" experiment.Recipe)
            |> Result.orRaise
            |> fun settings -> { arm with Settings = settings }

        try
            Ok {
                experiment with
                    Axes = experiment.Axes |> List.map (Axis.canonical experiment.Recipe >> Result.orRaise)
                    Arms = experiment.Arms |> List.map arm
            }
        with GlemException error ->
            Error error

    let private parse (json: JsonObject) =
        recipe json
        |> Result.bind (fun recipe ->
            json.Remove "recipe" |> ignore
            Settings.overlay json (Experiment.ofRecipe "" recipe))
        |> Result.bind canonical
        |> Result.bind Experiment.check

    /// The experiment that a text describes. Errors name the file and the key: an unknown field; whatever Experiment.check
    /// finds.
    let ofText (file: string) (text: string) : Result<Experiment, GlemError> =
        try
            match JsonNode.Parse(text, documentOptions = JsonDocumentOptions(AllowDuplicateProperties = false)) with
            | :? JsonObject as json ->
                parse json
                |> Result.mapError (function
                    | InSetting(key, found, expected) -> InFile(file, $"key '%s{key}'", found, expected)
                    | error -> error)
            | _ -> Error(InFile(file, "", "something else", "a JSON object"))
        with :? JsonException as problem ->
            let line = problem.LineNumber.GetValueOrDefault() + 1L
            Error(InFile(file, $"line %d{line}", "broken JSON", "an experiment"))

    /// As ofText, from a file.
    let read (file: string) : Result<Experiment, GlemError> =
        RunFile.guard file "an experiment as JSON" (fun () -> File.ReadAllText file)
        |> Result.bind (ofText file)
