// Should only sure pseudo labels teach? GLEM on dotnet-api over filters, each beside as many labels of other nodes.
// ./glem grid scripts/filters.fsx (--dry-run --jobs N --seeds N --set path=value --out DIR --quick)
// 50 runs that share stages: an estimated 60 min of one core, 2 GB; writes runs/filters; runs that are there are read
#load "Glem.fsx"
open Glem

let both filter (r: Recipe) = { r with EStep.Filter = filter; MStep.Filter = filter }

experiment "filters" {
    question "Should only the pseudo labels teach that their teacher is sure of?"
    recipe Recipes.ablation
    levels "filter" [
        "everyone", both FilterRecipe.Everyone
        "top30", both (FilterRecipe.Top 0.3)
        "top70", both (FilterRecipe.Top 0.7)
        "balanced70", both (FilterRecipe.Balanced 0.7)
        "atLeast0.9", both (FilterRecipe.AtLeast 0.9) ]
    seeds [ 0..4 ]
    controlsAtEachLevel [ Control.MatchedRandom ]
    baseline "glem,filter=everyone"
    decide Student.Lm "glem,filter=top70" 0.5
    smoke 2 1 [ "lm.maxTokens=16" ]
}
|> Script.run fsi.CommandLineArgs
