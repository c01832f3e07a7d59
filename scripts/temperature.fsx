// How sharp should pseudo labels be? GLEM on dotnet-api over the temperature of both teachers.
// ./glem grid scripts/temperature.fsx (--dry-run --jobs N --seeds N --set path=value --out DIR --quick)
// 25 runs that share stages: an estimated 40 min of one core, 2 GB; writes runs/temperature; runs that are there are read
#load "Glem.fsx"
open Glem

experiment "temperature" {
    question "How sharp should a teacher's probabilities be made?"
    recipe Recipes.ablation
    axis "temperature" [ 0.05; 0.2; 0.5; 1.0; 2.0 ] (fun t r -> { r with EStep.Temperature = [ t ]; MStep.Temperature = [ t ] })
    seeds [ 0..4 ]
    baseline "glem,temperature=1"
    decide Student.Lm "glem,temperature=0.2" 0.5
    smoke 2 1 [ "lm.maxTokens=16" ]
}
|> Script.run fsi.CommandLineArgs
