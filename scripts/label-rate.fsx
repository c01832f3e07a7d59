// How few labels does it take? GLEM against the static pipeline on dotnet-api, with a share of the training labels.
// ./glem grid scripts/label-rate.fsx (--dry-run --jobs N --seeds N --set path=value --out DIR --quick)
// 40 runs that share stages: an estimated 70 min of one core, 2 GB; writes runs/label-rate; runs that are there are read
#load "Glem.fsx"
open Glem

/// Fewer labels, as many optimiser steps on them.
let labelled rate (r: Recipe) = { r with LabelRate = rate; LmFit.Epochs = r.LmFit.Epochs / rate }

experiment "label-rate" {
    question "Is EM worth more where labels are few?"
    recipe Recipes.ablation
    axis "rate" [ 0.05; 0.1; 0.3; 1.0 ] labelled
    seeds [ 0..4 ]
    controls [ Control.StaticTwoStage ]
    baseline "staticTwoStage"
    decide Student.Gnn "glem,rate=0.1" 0.5
    smoke 2 1 [ "lm.maxTokens=16" ]
}
|> Script.run fsi.CommandLineArgs
