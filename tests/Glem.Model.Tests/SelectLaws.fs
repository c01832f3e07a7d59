module Glem.Model.Tests.SelectLaws

open Glem
open Glem.Laws
open Xunit

[<Fact>]
let ``selecting from nothing is refused`` () =
    Assert.Throws<System.ArgumentException>(fun () -> Select.byValidation fst snd ([]: (int * Scores) list) |> ignore)
    |> ignore

[<Fact>]
let ``test scores are those of the test nodes, and validation scores those of the validation nodes`` () =
    Law.holds Scene.domain (fun scene ->
        let q = Scene.student scene
        let argmax = Posterior.argmax q

        let accuracyOn part =
            scene.Actors
            |> Array.indexed
            |> Array.filter (fun (_, actor) -> actor.Part = part)
            |> Array.averageBy (fun (i, actor) -> if int argmax[i] = actor.Label then 1.0 else 0.0)

        let test = Select.only q |> Select.testScores (Scene.audit scene) id
        let valid = Predictions.onValidation (Scene.validation scene) q |> Metrics.scores
        Law.close 1e-12 (accuracyOn Test) test.Accuracy && Law.close 1e-12 (accuracyOn Valid) valid.Accuracy)
