module Glem.Model.Tests.SelectLaws

open FsCheck.FSharp
open Glem
open Xunit

type private Round = {
    Number: int
    Validation: Scores
    Test: float
}

// Few distinct values, so that ties are common.
let private rounds =
    gen {
        let! count = Gen.choose (1, 6)
        let! accuracies = Gen.listOfLength count (Gen.elements [ 0.5; 0.75; 0.8 ])
        let! nlls = Gen.listOfLength count (Gen.elements [ 0.25; 0.5; infinity ])
        let! tests = Gen.listOfLength count (Gen.choose (0, 100))

        return
            List.zip3 accuracies nlls tests
            |> List.mapi (fun i (accuracy, nll, test) -> {
                Number = i + 1
                Validation = {
                    Accuracy = accuracy
                    MacroF1 = 0.0
                    Nll = nll
                    Ece = 0.0
                }
                Test = float test
            })
    }
    |> Arb.fromGen

let private best runs = (Select.byValidation _.Number _.Validation runs).Run

[<Fact>]
let ``no run beats the selected one: not in accuracy, then not in NLL, then not in being earlier`` () =
    Law.holds rounds (fun runs ->
        let chosen = best runs

        runs
        |> List.forall (fun run ->
            let better, worse = run.Validation, chosen.Validation

            run = chosen
            || better.Accuracy < worse.Accuracy
            || better.Accuracy = worse.Accuracy
               && (better.Nll > worse.Nll || better.Nll = worse.Nll && run.Number > chosen.Number)))

[<Fact>]
let ``the order in which runs are listed does not matter`` () =
    Law.holds rounds (fun runs -> best runs = best (List.rev runs))

[<Fact>]
let ``test scores do not matter`` () =
    Law.holds rounds (fun runs ->
        let poisoned = runs |> List.map (fun run -> { run with Test = 100.0 - run.Test })
        (best runs).Number = (best poisoned).Number)

[<Fact>]
let ``rescaling the NLL by a positive factor does not matter`` () =
    Law.holds rounds (fun runs ->
        let scaled =
            runs
            |> List.map (fun run -> {
                run with
                    Validation = {
                        run.Validation with
                            Nll = 0.001 * run.Validation.Nll
                    }
            })

        (best runs).Number = (best scaled).Number)

[<Fact>]
let ``selecting from nothing is refused`` () =
    Assert.Throws<System.ArgumentException>(fun () -> best [] |> ignore) |> ignore

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
