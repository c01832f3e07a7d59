namespace Glem.Laws

open FsCheck.FSharp
open Glem

/// Which round and which model are reported.
module SelectionLaws =
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

    let private unbeaten = {
        Name = "no round beats the selected one: not in validation accuracy, then not in NLL, then not in being earlier"
        Statement = "selected = argmin (-accuracy, NLL, round) on validation"
        Source = "checkpoints are chosen on plain gold scores, never on the training mixture"
        Guards = "the official code at alpha = 0: a validation loss that is always 0 keeps the first checkpoint"
        Mutation = "the highest NLL among equals"
        Cases =
            Law.on "selection" rounds (fun runs ->
                let chosen = best runs

                runs
                |> List.forall (fun run ->
                    let better, worse = run.Validation, chosen.Validation

                    run = chosen
                    || better.Accuracy < worse.Accuracy
                    || better.Accuracy = worse.Accuracy
                       && (better.Nll > worse.Nll || better.Nll = worse.Nll && run.Number > chosen.Number)))
    }

    let private blind = {
        Name = "the choice depends on neither test scores, nor the order of the list, nor the scale of the NLL"
        Statement = "select(f runs) = f(select runs) for f: test scores, reversal, NLL times 0.001"
        Source = "Select.byValidation"
        Guards = "a maximum over test scores; a tie that the list's order breaks"
        Mutation = "ties that fall to the first of the list"
        Cases =
            Law.on "selection" rounds (fun runs ->
                let number change = (runs |> change |> best).Number
                let each f = List.map (fun run -> f run)

                let scaled (run: Round) = {
                    run with
                        Validation = {
                            run.Validation with
                                Nll = 0.001 * run.Validation.Nll
                        }
                }

                let chosen = number id

                number List.rev = chosen
                && number (
                    each (fun run -> {
                        run with
                            Round.Test = 100.0 - run.Test
                    })
                )
                    =
                    chosen
                && number (each scaled) = chosen)
    }

    let chapter = {
        Title = "Selection"
        Laws = [ unbeaten; blind ]
    }
