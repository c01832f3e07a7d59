namespace Glem

open Argu

/// glem recipe list | show | diff.
module RecipeCommand =
    /// Rows of cells as lines, each column as wide as its widest cell.
    let private columns (rows: string list list) =
        let widths = rows |> List.transpose |> List.map (List.map String.length >> List.max)

        rows
        |> List.map (fun row ->
            (row, widths)
            ||> List.map2 (fun cell width -> cell.PadRight width)
            |> String.concat "  "
            |> _.TrimEnd())

    let private print rows = columns rows |> List.iter Console.line

    /// What a recipe names and this build, on this machine, lacks.
    let private lacks (recipe: Recipe) = [
        yield! Recipe.lacking recipe |> List.map (fun (_, name, _, _) -> name)

        if not (Datasets.isHere recipe.Dataset) then
            recipe.Dataset
    ]

    let private canRun recipe =
        match lacks recipe with
        | [] -> "runs here"
        | names -> "lacks " + String.concat ", " names

    let private list () =
        print [
            for sourced in Recipes.sourced -> [ sourced.Recipe.Name; canRun sourced.Recipe; sourced.What ]
        ]

    let private show (sourced: SourcedRecipe) =
        Console.line $"%s{sourced.Recipe.Name}: %s{sourced.What} (%s{canRun sourced.Recipe})"
        Console.line ""

        print [
            yield [ "field"; "value"; "source" ]

            for path, value in Settings.fields sourced.Recipe do
                if path <> "name" then
                    yield [ path; value; SourcedRecipe.source path sourced ]
        ]

        if not sourced.Unsaid.IsEmpty then
            Console.heading "What the source does and no field says:"

            for what, source in sourced.Unsaid do
                Console.line $"  %s{what} (%s{source})"

    let private diff (left: string, first: Recipe) (right: string, second: Recipe) =
        let changes =
            (Settings.fields first, Settings.fields second)
            ||> List.zip
            |> List.filter (fun ((path, before), (_, after)) -> path <> "name" && before <> after)

        if changes.IsEmpty then
            Console.line $"%s{left} and %s{right} say the same."
        else
            print [
                yield [ "field"; left; right ]

                for (path, before), (_, after) in changes do
                    yield [ path; before; after ]
            ]

    let run (options: ParseResults<RecipeArguments>) : Result<unit, GlemError> =
        match options.GetSubCommand() with
        | RecipeArguments.List -> Ok(list ())
        | RecipeArguments.Show options ->
            Recipes.findSourced (options.GetResult ShowRecipeArguments.Recipe) |> Result.map show
        | RecipeArguments.Diff options ->
            let left, right = options.GetResult DiffRecipeArguments.Recipes

            match Recipes.find left, Recipes.find right with
            | Error error, _
            | _, Error error -> Error error
            | Ok first, Ok second -> Ok(diff (left, first) (right, second))
