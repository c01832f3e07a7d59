module Glem.Model.Tests.PseudoLabelAuditLaws

open System
open Glem
open Glem.Laws
open Xunit

/// The scene's teacher and student, a student before the step and a choice of taught nodes that the seed draws.
let private step seed (scene: Scene) : TaughtStep<Gnn, Lm> =
    let key = Key.ofSeed seed
    let draw name i = Key.seed (key |> Key.named name |> Key.at i)
    let before = Array.init (scene.NodeCount * scene.ClassCount) (fun i -> float32 (draw "before" i % 5UL))

    {
        Taught = [|
            for i in 0 .. scene.NodeCount - 1 do
                if draw "taught" i % 3UL > 0UL then
                    i * 1<node>
        |]
        Teacher = Scene.teacher scene
        Before = Posterior.ofLogits scene.ClassCount before
        After = Scene.student scene
    }

let private audit seed scene = PseudoLabelAudit.ofStep (Scene.audit scene) (step seed scene)

/// Every count, in the record's order.
let private counts (audit: PseudoLabelAudit) = [
    audit.HeldOut
    audit.Taught
    audit.TaughtRight
    audit.Agreed
    audit.BothWrong
    audit.SameError
    audit.Corrections
    audit.Corruptions
    audit.Adopted
    audit.RightBefore
    audit.AdoptedFromRight
]

/// Labelled nodes outside training, with their labels.
let private heldOut scene =
    let audit = Scene.audit scene

    [| Valid; Test; Unassigned |]
    |> Array.collect (fun part -> Audit.truth part audit)
    |> Array.map (fun (struct (i, k)) -> i, k)

let private right nodes (posterior: Posterior<'s>) =
    let guess = Posterior.argmax posterior
    nodes |> Array.filter (fun (i: int<node>, truth) -> guess[int i] = truth) |> Array.length

[<Fact>]
let ``corrections less corruptions are the change in the number of right answers`` () =
    Law.holds Scene.withSeed (fun (scene, seed) ->
        let step, audit = step seed scene, audit seed scene
        let right posterior = right (heldOut scene) posterior
        audit.Corrections - audit.Corruptions = right step.After - right step.Before)

[<Fact>]
let ``accuracy and calibration are the teacher's scores on the taught nodes, coverage their share`` () =
    Law.holds Scene.withSeed (fun (scene, seed) ->
        let step, audit = step seed scene, audit seed scene
        let taught = heldOut scene |> Array.filter (fun (i, _) -> Array.contains i step.Taught)
        let nodes, truth = Array.unzip taught

        audit.Coverage = ValueSome(float taught.Length / float (heldOut scene).Length)
        && if taught.Length = 0 then
               audit.Accuracy.IsNone && audit.Ece.IsNone && audit.Auroc.IsNone
           else
               let scores = Predictions.ofPosterior step.Teacher nodes truth |> Metrics.scores

               Law.close 1e-12 audit.Accuracy.Value scores.Accuracy && Law.close 1e-12 audit.Ece.Value scores.Ece)

[<Fact>]
let ``AUROC sets the teacher's confidence in right labels against that in wrong ones, and is absent without both`` () =
    Law.holds Scene.withSeed (fun (scene, seed) ->
        let step, audit = step seed scene, audit seed scene
        let label, confidence = Posterior.argmax step.Teacher, Posterior.confidence step.Teacher

        let right, wrong =
            heldOut scene
            |> Array.filter (fun (i, _) -> Array.contains i step.Taught)
            |> Array.partition (fun (i, truth) -> label[int i] = truth)

        let wins = [|
            for i, _ in right do
                for j, _ in wrong do
                    (1.0 + float (compare confidence[int i] confidence[int j])) / 2.0
        |]

        match audit.Auroc with
        | ValueNone -> wins.Length = 0
        | ValueSome area -> Law.close 1e-12 area (Array.average wins))

[<Fact>]
let ``the counts of the bins add up to the step's`` () =
    Law.holds Scene.withSeed (fun (scene, seed) ->
        let edges = Scene.edges scene

        let binnings = [
            LocalHomophily.ofNodes edges (Scene.audit scene) |> Binning.quantiles "homophily" 4
            Array.init scene.NodeCount (fun i -> ValueSome(float (edges.Degree(i * 1<node>))))
            |> Binning.quantiles "degree" 3
        ]

        binnings
        |> List.forall (fun binning ->
            let bins = PseudoLabelAudit.byBin (Scene.audit scene) binning (step seed scene)

            Array.length bins = binning.Bins.Length
            && bins
               |> Array.map (fun (struct (_, audit)) -> counts audit)
               |> Array.reduce (List.map2 (+))
               |> (=) (counts (audit seed scene))))

[<Fact>]
let ``a single bin is the step itself`` () =
    Law.holds Scene.withSeed (fun (scene, seed) ->
        let binning = Binning.quantiles "one" 1 (Array.create scene.NodeCount (ValueSome 1.0))

        PseudoLabelAudit.byBin (Scene.audit scene) binning (step seed scene) = [|
            struct (Within(1.0, 1.0), audit seed scene)
        |])

[<Fact>]
let ``a student that answers as its teacher agrees on every node, shares every error and adopts every wrong label`` () =
    Law.holds Scene.withSeed (fun (scene, seed) ->
        let copy = Scene.mapActors (fun actor -> { actor with Student = actor.Teacher }) scene
        let audit = audit seed copy
        let isAllOrNothing rate = ValueOption.forall ((=) 1.0) rate

        audit.Agreement = ValueSome 1.0
        && isAllOrNothing audit.SharedErrorRate
        && isAllOrNothing audit.AdoptionRate
        && isAllOrNothing audit.AdoptionRateFromRight)

[<Fact>]
let ``a student that did not change has neither corrections nor corruptions, and p is 1`` () =
    Law.holds Scene.withSeed (fun (scene, seed) ->
        let step = step seed scene

        let audit = PseudoLabelAudit.ofStep (Scene.audit scene) { step with Before = step.After }

        audit.Corrections = 0 && audit.Corruptions = 0 && audit.AdoptedFromRight = 0 && audit.McNemarP = 1.0)

[<Fact>]
let ``training nodes are never audited, taught or not`` () =
    Law.holds Scene.withSeed (fun (scene, seed) ->
        let step = step seed scene
        let training = Scene.gold scene |> Array.map fst

        let auditOf taught = PseudoLabelAudit.ofStep (Scene.audit scene) { step with Taught = taught }
        let all = Array.append step.Taught training |> Array.distinct |> auditOf
        all = auditOf (step.Taught |> Array.except training))

[<Fact>]
let ``each count lies within those that it is a part of`` () =
    Law.holds Scene.withSeed (fun (scene, seed) ->
        let a = audit seed scene

        a.TaughtRight <= a.Taught
        && a.Taught <= a.HeldOut
        && a.SameError <= a.BothWrong
        && a.Adopted <= a.TaughtWrong
        && a.Adopted <= a.SameError
        && a.AdoptedFromRight <= min a.RightBefore a.Adopted
        && a.AdoptedFromRight <= a.Corruptions)

[<Fact>]
let ``renaming nodes leaves the counts alone`` () =
    Law.holds Scene.withSeed (fun (scene, seed) ->
        let order = Scene.nodeOrder seed scene
        let there = step seed scene
        let renamed = Scene.renameNodes order scene

        let rename (posterior: Posterior<'s>) : Posterior<'s> =
            let rows = posterior.Logits.ToArray() |> Array.chunkBySize scene.ClassCount
            let moved = Array.zeroCreate rows.Length
            rows |> Array.iteri (fun i row -> moved[order[i]] <- row)
            Posterior.ofLogits scene.ClassCount (Array.concat moved)

        let moved = {
            Taught = there.Taught |> Array.map (fun i -> order[int i] * 1<node>)
            Teacher = rename there.Teacher
            Before = rename there.Before
            After = rename there.After
        }

        counts (PseudoLabelAudit.ofStep (Scene.audit renamed) moved) = counts (audit seed scene))

/// One-hot logits.
let private says (classes: int list) : Posterior<'s> =
    classes
    |> List.collect (fun k -> [ for j in 0..2 -> if j = k then 3f else 0f ])
    |> List.toArray
    |> Posterior.ofLogits 3

[<Fact>]
let ``a step worked by hand`` () =
    // Nodes 0 to 2 train; 3 to 8 are held out; the truth of 8 is unknown; 7 is not taught.
    let truth = [ 0; 1; 2; 0; 1; 2; 0; 1; -1 ]
    let parts = [ Train; Train; Train; Valid; Valid; Test; Test; Test; Unassigned ]
    let labels = Labels.ofIndices [| "a"; "b"; "c" |] (Array.ofList truth) |> Result.orRaise
    let audit = Audit.ofSplit labels (Split.ofParts (Array.ofList parts)) |> Result.orRaise

    let step: TaughtStep<Gnn, Lm> = {
        Taught = [| 3; 4; 5; 6; 8 |] |> Array.map (fun i -> i * 1<node>)
        Teacher = says [ 0; 1; 2; 0; 0; 1; 1; 2; 1 ]
        Before = says [ 0; 1; 2; 1; 1; 0; 0; 2; 0 ]
        After = says [ 0; 1; 2; 0; 0; 0; 1; 2; 1 ]
    }

    // 3: taught right, corrected. 4: taught wrong, was right, adopted. 5: taught wrong, stays wrong otherwise.
    // 6: taught wrong, was right, adopted. 7: not taught, both wrong alike.
    let found = PseudoLabelAudit.ofStep audit step

    Assert.Equal<int list>([ 5; 4; 1; 4; 4; 3; 1; 2; 2; 2; 2 ], counts found)
    Assert.Equal(ValueSome 0.8, found.Coverage)
    Assert.Equal(ValueSome 0.25, found.Accuracy)
    Assert.Equal(ValueSome 0.8, found.Agreement)
    Assert.Equal(ValueSome 0.75, found.SharedErrorRate)
    Assert.Equal(ValueSome(2.0 / 3.0), found.AdoptionRate)
    Assert.Equal(ValueSome 1.0, found.AdoptionRateFromRight)
    Assert.Equal(ValueSome 0.5, found.Auroc)
    Assert.Equal(1.0, found.McNemarP)

[<Fact>]
let ``posteriors and bins of another shape than the audit's are refused`` () =
    let labels = Labels.ofIndices [| "a"; "b" |] [| 0; 1; 1 |] |> Result.orRaise
    let audit = Audit.ofSplit labels (Split.ofParts [| Train; Train; Test |]) |> Result.orRaise

    let step n : TaughtStep<Gnn, Lm> = {
        Taught = [| 2<node> |]
        Teacher = Posterior.uniform n 2
        Before = Posterior.uniform 3 2
        After = Posterior.uniform 3 2
    }

    Assert.Throws<ArgumentException>(fun () -> PseudoLabelAudit.ofStep audit (step 4) |> ignore)
    |> ignore

    let binning = Binning.quantiles "degree" 2 [| ValueSome 1.0 |]

    Assert.Throws<ArgumentException>(fun () -> PseudoLabelAudit.byBin audit binning (step 3) |> ignore)
    |> ignore
