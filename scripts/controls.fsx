// Is it EM that helps? GLEM on dotnet-api against the static two-stage pipeline, self-training, and EM with no, random and true labels.
// ./glem grid scripts/controls.fsx (--dry-run --jobs N --seeds N --set path=value --out DIR --quick)
// 30 runs that share stages: an estimated 40 min of one core, 2 GB; writes runs/controls; runs that are there are read
#load "Glem.fsx"
open Glem

experiment "controls" {
    question "Is it EM that helps, or any pseudo labels, or training for longer?"
    recipe Recipes.ablation
    seeds [ 0..4 ]
    controls [ Control.StaticTwoStage; Control.SelfTraining; Control.TeacherFree; Control.MatchedRandom; Control.Oracle ]
    baseline "staticTwoStage"
    decide Student.Gnn "glem" 0.5
    smoke 2 1 [ "lm.maxTokens=16" ]
}
|> Script.run fsi.CommandLineArgs
