namespace Glem

/// What one recipe has otherwise than another, as "path=value" assignments. A recipe's name changes no result and is no
/// change.
module RecipeChange =
    let private fields (recipe: Recipe) = Settings.fields recipe |> List.filter (fun (path, _) -> path <> "name")

    /// The path of a "path=value".
    let path (assignment: string) =
        let name = (assignment.Split '=')[0]
        name.Trim()

    /// The paths of the fields in which two recipes differ, in a recipe's order.
    let paths (before: Recipe) (after: Recipe) : string list =
        (fields before, fields after)
        ||> List.zip
        |> List.choose (fun ((path, before), (_, after)) -> if before <> after then Some path else None)

    /// A recipe's values at some paths, as assignments.
    let at (paths: string list) (recipe: Recipe) : string list = [
        for path, value in fields recipe do
            if List.contains path paths then
                $"%s{path}=%s{value}"
    ]

    /// The assignments that make one recipe of another. Error: a text that would be read back as something else, such as a
    /// folder called "true"; `key` says where it stands.
    let between (key: string) (before: Recipe) (after: Recipe) : Result<string list, GlemError> =
        let changes = at (paths before after) after

        match Settings.setAll changes before with
        | Ok again when fields again = fields after -> Ok changes
        | _ -> Error(InSetting(key, String.concat " " changes, "values that can stand behind path="))
