// Is EM worth less to a better language model? GLEM against the static pipeline on dotnet-api, with four encoders.
// ./glem grid scripts/lm-size.fsx (--dry-run --jobs N --seeds N --set path=value --out DIR --quick)
// 40 runs that share stages: an estimated 50 min of one core, 2 GB; writes runs/lm-size; runs that are there are read
#load "Glem.fsx"
open Glem

let random layers hidden (r: Recipe) =
    { r with Lm = { r.Lm with Pretrained = None; Layers = layers; Hidden = hidden; Intermediate = 4 * hidden } }

experiment "lm-size" {
    question "Is EM worth less the better the language model is?"
    recipe Recipes.ablation
    levels "lm" [ "1x64", random 1 64; "2x128", random 2 128; "4x256", random 4 256; "glem-mini", id ]
    seeds [ 0..4 ]
    controls [ Control.StaticTwoStage ]
    baseline "staticTwoStage"
    decide Student.Lm "glem,lm=glem-mini" 0.5
    smoke 2 1 [ "lm.maxTokens=16" ]
}
|> Script.run fsi.CommandLineArgs
