namespace Glem

/// The published recipes, in the order of `glem recipe list`.
module OfficialRecipes =
    let all = AuthorsRecipes.all @ [ PygRecipe.recipe; GraphStormRecipe.recipe ]
