// Who should begin, and for how many rounds? GLEM on dotnet-api over EM's order and rounds; rounds of one order share their stages.
// ./glem grid scripts/rounds.fsx (--dry-run --jobs N --seeds N --set path=value --out DIR --quick)
// 45 runs that share stages: an estimated 60 min of one core, 2 GB; writes runs/rounds; runs that are there are read
#load "Glem.fsx"
open Glem

experiment "rounds" {
    question "Does EM converge, after how many rounds, and does it matter who begins?"
    recipe Recipes.ablation
    axis "order" [ LmFirst; GnnFirst ] (fun order r -> { r with Order = order })
    axis "rounds" [ 1; 2; 3; 4 ] (fun rounds r -> { r with Rounds = rounds })
    seeds [ 0..4 ]
    controls [ Control.StaticTwoStage ]
    baseline "glem,order=lmFirst,rounds=1"
    decide Student.Gnn "glem,order=lmFirst,rounds=4" 0.5
    smoke 2 1 [ "lm.maxTokens=16" ]
}
|> Script.run fsi.CommandLineArgs
