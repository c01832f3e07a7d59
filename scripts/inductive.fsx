// What is a model worth on nodes that training never saw? GLEM against its own parts on dotnet-api under three protocols.
// ./glem grid scripts/inductive.fsx (--dry-run --jobs N --seeds N --set path=value --out DIR --quick)
// 30 runs that share stages: an estimated 55 min of one core, 2 GB; writes runs/inductive; runs that are there are read
#load "Glem.fsx"
open Glem

experiment "inductive" {
    question "What does EM leave in a language model that reads no graph, for texts that training never saw?"
    recipe Recipes.ablation
    axis "protocol" [ Transductive; TestEdgesRemoved; TestRemoved ] (fun protocol r -> { r with Protocol = protocol })
    seeds [ 0..4 ]
    controls [ Control.StaticTwoStage ]
    baseline "staticTwoStage"
    decide Student.Lm "glem,protocol=testRemoved" 0.5
    smoke 3 1 [ "lm.maxTokens=16" ]
}
|> Script.run fsi.CommandLineArgs
