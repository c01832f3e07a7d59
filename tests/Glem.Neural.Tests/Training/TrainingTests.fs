module Glem.Neural.Tests.TrainingTests

open System.Collections.Generic
open Glem
open TorchSharp
open Xunit

/// Training of one number that is set to the count of steps done; `accuracies` are what evaluations find, in order.
let private train (plan: Plan) (loss: int -> float) (accuracies: float list option) (watch: TrainState -> unit) =
    let weights = Dictionary(dict [ "w", { Shape = [| 1L |]; Values = [| 0f |] } ])
    use p = Parameters.Create(Golden.cpu Precision.Float32, (fun _ -> Runs), weights)
    let mutable left = accuracies |> Option.defaultValue []

    let evaluate () =
        let accuracy = List.head left
        left <- List.tail left

        { Accuracy = accuracy
          MacroF1 = 0.0
          Nll = 1.0
          Ece = 0.0 }

    let trainee =
        { Name = "E-step 7"
          Step =
            fun step ->
                Scope.freeingAll (fun () -> p["w"].copy_ (torch.tensor [| float32 (step + 1) |]) |> ignore)
                loss step
          Evaluate = accuracies |> Option.map (fun _ -> evaluate)
          Parameters = p }

    let best = Training.toBest plan trainee watch
    let after = p.Snapshot()
    best |> Option.map _.Accuracy, after["w"].Values[0]

let private plan steps every patience : Plan =
    { Steps = steps
      EvaluateEvery = every
      Patience = patience }

[<Fact>]
let ``training ends with the best evaluation's weights`` () =
    Assert.Equal((Some 0.8, 4f), train (plan 10 2 0) float (Some [ 0.5; 0.8; 0.7; 0.8; 0.6 ]) ignore)

[<Fact>]
let ``training stops after as many evaluations without improvement as patience allows`` () =
    let steps = List<int>()
    let answer = train (plan 100 2 3) float (Some [ 0.5; 0.6; 0.1; 0.2; 0.3; 0.9 ]) (fun state -> steps.Add state.Step)
    Assert.Equal((Some 0.6, 4f), answer)
    Assert.Equal<int>([ 1..10 ], steps)

[<Fact>]
let ``the last step is evaluated, whatever the rhythm`` () =
    let judged = List<int>()
    let watch (state: TrainState) = if state.Validation.IsSome then judged.Add state.Step
    let answer = train (plan 7 3 0) float (Some [ 0.1; 0.2; 0.3 ]) watch
    Assert.Equal((Some 0.3, 7f), answer)
    Assert.Equal<int>([ 3; 6; 7 ], judged)

[<Fact>]
let ``training without labels goes to the end and keeps its last weights`` () =
    Assert.Equal((None, 5f), train (plan 5 2 1) float None ignore)

[<Theory>]
[<InlineData(System.Double.NaN)>]
[<InlineData(System.Double.PositiveInfinity)>]
let ``a loss that is no finite number stops training and names the stage and the step`` (bad: float) =
    let run () = train (plan 9 3 0) (fun step -> if step = 4 then bad else 1.0) (Some [ 0.1; 0.2; 0.3 ]) ignore |> ignore
    let problem = Assert.Throws<GlemException>(run).Message
    Assert.Contains("E-step 7", problem)
    Assert.Contains("step 5", problem)

[<Fact>]
let ``of equally accurate evaluations the one with the lower loss is better, of equals the earlier`` () =
    let scores accuracy nll =
        { Accuracy = accuracy
          MacroF1 = 0.0
          Nll = nll
          Ece = 0.0 }

    Assert.True(Training.isBetter (scores 0.6 9.0) (scores 0.5 1.0))
    Assert.True(Training.isBetter (scores 0.5 0.9) (scores 0.5 1.0))
    Assert.False(Training.isBetter (scores 0.5 1.0) (scores 0.5 1.0))
    Assert.False(Training.isBetter (scores 0.4 0.1) (scores 0.5 1.0))
