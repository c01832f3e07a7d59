namespace Glem

/// A value of an axis: its label, and what it sets of the base recipe, as "path=value".
type Level = { Label: string; Settings: string list }

/// What a grid varies. Its levels all set the same fields, so that none of them depends on the base's value.
type Axis = { Name: string; Levels: Level list }

module Axis =
    /// The paths that its levels set.
    let paths (axis: Axis) : string list =
        axis.Levels |> List.collect _.Settings |> List.map RecipeChange.path |> List.distinct

    let private firstTwice (key: 'item -> string) (items: 'item list) =
        items
        |> List.groupBy (key >> _.ToLowerInvariant())
        |> List.tryPick (function
            | _, one :: other :: _ -> Some(one, other)
            | _ -> None)

    /// An axis from what each level makes of the base.
    ///   levels : label and function
    /// Error: no level; levels that change nothing, or the same; a label twice (upper and lower case count as one: folders
    /// are named by it).
    let ofFunctions
        (name: string)
        (recipe: Recipe)
        (levels: (string * (Recipe -> Recipe)) list)
        : Result<Axis, GlemError> =
        let key = $"axes.%s{name}"
        let made = levels |> List.map (fun (label, change) -> label, change recipe)
        let touched = made |> List.collect (snd >> RecipeChange.paths recipe) |> List.distinct
        let settings = made |> List.map (fun (label, made) -> label, RecipeChange.at touched made)

        let unreadable () =
            made
            |> List.tryPick (fun (label, made) ->
                match RecipeChange.between $"%s{key}.%s{label}" recipe made with
                | Error error -> Some error
                | Ok _ -> None)

        if levels.IsEmpty then
            Error(InSetting(key, "no level", "at least one"))
        elif touched.IsEmpty then
            Error(
                InSetting(key, "levels that change nothing of the recipe", "levels that set a field each their own way")
            )
        else
            match firstTwice fst settings, firstTwice (snd >> String.concat " ") settings, unreadable () with
            | Some((label, _), _), _, _ -> Error(InSetting(key, $"the level %s{label} twice", "each label once"))
            | _, Some((one, same), (other, _)), _ ->
                let same = String.concat " " same

                Error(
                    InSetting(key, $"the levels %s{one} and %s{other}, which both say %s{same}", "levels that differ")
                )
            | _, _, Some error -> Error error
            | _ ->
                Ok {
                    Name = name
                    Levels = [ for label, settings in settings -> { Label = label; Settings = settings } ]
                }

    /// An axis as a file has it: its levels in the one form that every way of writing them comes to. Errors: as ofFunctions;
    /// a setting that a recipe lacks.
    let canonical (recipe: Recipe) (axis: Axis) : Result<Axis, GlemError> =
        let change level recipe = Settings.setAll level.Settings recipe |> Result.orRaise

        try
            ofFunctions axis.Name recipe [ for level in axis.Levels -> level.Label, change level ]
        with GlemException error ->
            Error error

    /// Some levels only: those that must stay, and others evenly from the first to the last until there are `count`.
    let thinned (count: int) (keep: Level -> bool) (axis: Axis) : Axis =
        let last = axis.Levels.Length - 1

        let chosen =
            if count > last then
                [ 0..last ]
            elif count = 1 then
                [ 0 ]
            else
                [ for i in 0 .. count - 1 -> (2 * i * last + count - 1) / (2 * (count - 1)) ]

        {
            axis with
                Levels =
                    axis.Levels
                    |> List.indexed
                    |> List.filter (fun (i, level) -> List.contains i chosen || keep level)
                    |> List.map snd
        }
