module Glem.Model.Tests.ObjectiveLaws

open System
open Glem
open Xunit

let private mix x = Mix.create "alpha" x |> Result.orRaise

let private targets scene =
    Targets.ofTeacher (Scene.supervision scene) (Scene.teacher scene) (Pool.unlabelled (Scene.supervision scene))

let private both law = law GroupMeans && law Sums

[<Fact>]
let ``the loss is linear in the mix: L(w) = (1 - w) L(0) + w L(1)`` () =
    Law.holds (Scene.withNumber 0.0 1.0) (fun (scene, w) ->
        both (fun reduction ->
            let loss w = Objective.loss reduction (mix w) (targets scene) (Scene.student scene)
            // 1e-5: weights are float32.
            Law.close 1e-5 (loss w) ((1.0 - w) * loss 0.0 + w * loss 1.0)))

[<Fact>]
let ``with group means, L(0) is the mean over gold and L(1) the mean over pseudo labels`` () =
    Law.holds Scene.domain (fun scene ->
        let student = Scene.student scene
        let loss w = Objective.loss GroupMeans (mix w) (targets scene) student
        let gold = Scene.gold scene |> Array.averageBy (fun (i, k) -> -(Posterior.logProbability i k student))
        let crossEntropy = Posterior.crossEntropy (Scene.teacher scene) student
        let pseudo = Pool.unlabelled (Scene.supervision scene) |> Array.averageBy (fun i -> crossEntropy[int i])
        Law.close 1e-5 gold (loss 0.0) && Law.close 1e-5 pseudo (loss 1.0))

[<Fact>]
let ``with sums, the loss is the paper's: alpha times the pseudo sum plus 1 - alpha times the gold sum`` () =
    Law.holds (Scene.withNumber 0.0 1.0) (fun (scene, w) ->
        let student = Scene.student scene
        let gold = Scene.gold scene |> Array.sumBy (fun (i, k) -> -(Posterior.logProbability i k student))
        let crossEntropy = Posterior.crossEntropy (Scene.teacher scene) student
        let pseudo = Pool.unlabelled (Scene.supervision scene) |> Array.sumBy (fun i -> crossEntropy[int i])
        Law.close 1e-5 (w * pseudo + (1.0 - w) * gold) (Objective.loss Sums (mix w) (targets scene) student))

[<Fact>]
let ``losses of batches add up to the loss, however the targets are split, also into batches of one kind`` () =
    Law.holds Scene.withSeed (fun (scene, seed) ->
        both (fun reduction ->
            let targets, student = targets scene, Scene.student scene
            let w = 0.3
            let weights = Objective.nodeWeights reduction (mix w) targets
            let loss = Objective.batchLoss weights targets student
            let key = Key.ofSeed seed
            let batches = [| 0 .. targets.Count - 1 |] |> Key.shuffle key |> Array.chunkBySize 3
            let gold, pseudo = [| 0 .. targets.Count - 1 |] |> Array.partition (fun at -> targets.IsGold[at])
            let whole = Objective.loss reduction (mix w) targets student

            Law.close 1e-9 whole (batches |> Array.sumBy loss) && Law.close 1e-9 whole (loss gold + loss pseudo)))

[<Fact>]
let ``weights are those of the mix: with group means they add up to 1, of which the pseudo labels have the mix`` () =
    Law.holds (Scene.withNumber 0.0 1.0) (fun (scene, w) ->
        let targets = targets scene
        let weights = Objective.nodeWeights GroupMeans (mix w) targets

        let pseudo =
            Array.zip weights targets.IsGold |> Array.sumBy (fun (x, isGold) -> if isGold then 0.0 else float x)

        Law.close 1e-5 1.0 (Array.sumBy float weights) && Law.close 1e-5 w pseudo)

[<Fact>]
let ``at mix 0 the loss does not depend on the teacher, bit for bit`` () =
    Law.holds Scene.domain (fun scene ->
        both (fun reduction ->
            let swapped = scene |> Scene.mapActors (fun a -> { a with Teacher = Array.rev a.Teacher })
            let loss scene = Objective.loss reduction Mix.goldOnly (targets scene) (Scene.student scene)
            loss scene = loss swapped))

[<Fact>]
let ``at mix 1 the loss does not depend on gold labels, bit for bit`` () =
    Law.holds Scene.domain (fun scene ->
        both (fun reduction ->
            let rotated =
                scene
                |> Scene.mapActors (fun a ->
                    if a.Part = Train then
                        {
                            a with
                                Label = (a.Label + 1) % scene.ClassCount
                        }
                    else
                        a)

            let loss scene = Objective.loss reduction (mix 1.0) (targets scene) (Scene.student scene)
            loss scene = loss rotated))

[<Fact>]
let ``gold labels alone are the objective at mix 0`` () =
    Law.holds Scene.domain (fun scene ->
        both (fun reduction ->
            let loss targets = Objective.loss reduction Mix.goldOnly targets (Scene.student scene)
            let alone: Targets<Gnn> = Targets.goldOnly (Scene.supervision scene)
            Law.close 1e-9 (loss alone) (loss (targets scene))))

[<Fact>]
let ``renaming nodes or classes leaves the loss alone`` () =
    let loss scene = Objective.loss GroupMeans (mix 0.3) (targets scene) (Scene.student scene)

    Law.holds Scene.withSeed (fun (scene, seed) ->
        let order = Scene.nodeOrder seed scene
        Law.close 1e-9 (loss scene) (loss (Scene.renameNodes order scene)))

    Law.holds Scene.withSeed (fun (scene, seed) ->
        let order = Scene.classOrder seed scene
        Law.close 1e-6 (loss scene) (loss (Scene.renameClasses order scene)))

[<Fact>]
let ``a step in which nothing has weight is an error`` () =
    Law.holds Scene.domain (fun scene ->
        let alone: Targets<Gnn> = Targets.goldOnly (Scene.supervision scene)

        let refused =
            Assert.Throws<GlemException>(fun () -> Objective.nodeWeights Sums (mix 1.0) alone |> ignore)

        refused.Message.Contains "0 pseudo")

[<Theory>]
[<InlineData(-0.01)>]
[<InlineData(1.5)>]
[<InlineData(Double.NaN)>]
let ``a mix outside 0 to 1 is an error that names its key and value`` (bad: float) =
    match Mix.create "eStep.pseudoWeight" bad with
    | Ok _ -> failwith "expected an error"
    | Error error ->
        Assert.Contains("eStep.pseudoWeight", GlemError.message error)
        Assert.Contains(bad.ToString(System.Globalization.CultureInfo.InvariantCulture), GlemError.message error)

[<Theory>]
[<InlineData(0.0)>]
[<InlineData(-1.0)>]
[<InlineData(Double.PositiveInfinity)>]
[<InlineData(Double.NaN)>]
let ``a temperature that is not finite and above 0 is an error`` (bad: float) =
    Assert.True((Temperature.create "temperature" bad).IsError)
