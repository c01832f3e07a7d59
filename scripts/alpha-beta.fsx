// How much should each model trust the other's labels? GLEM on dotnet-api over alpha (E-step) and beta (M-step), with controls.
// ./glem grid scripts/alpha-beta.fsx (--dry-run --jobs N --seeds N --set path=value --out DIR --quick)
// 65 runs that share stages: an estimated 50 min of one core, 2 GB; writes runs/alpha-beta; runs that are there are read
#load "Glem.fsx"
open Glem

experiment "alpha-beta" {
    question "How much should each model trust the other's labels?"
    recipe Recipes.ablation
    axis "alpha" [ 0.0; 0.3; 0.5; 0.8 ] (fun alpha r -> { r with EStep.PseudoWeight = [ alpha ] })
    axis "beta" [ 0.0; 0.05; 0.5 ] (fun beta r -> { r with MStep.PseudoWeight = [ beta ] })
    seeds [ 0..4 ]
    controls [ Control.StaticTwoStage ]
    baseline "staticTwoStage"
    decide Student.Gnn "glem" 0.5
    smoke 2 1 [ "lm.maxTokens=16" ]
}
|> Script.run fsi.CommandLineArgs
