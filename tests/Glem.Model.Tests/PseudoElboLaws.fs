module Glem.Model.Tests.PseudoElboLaws

open System
open Glem
open Glem.Laws
open Xunit

let private elbo scene = PseudoElbo.ofPosteriors (Scene.supervision scene) (Scene.student scene) (Scene.teacher scene)

let private agree tolerance (a: PseudoElbo) (b: PseudoElbo) =
    a.GoldNodes = b.GoldNodes
    && a.PseudoNodes = b.PseudoNodes
    && List.forall2 (Law.close tolerance) [ a.GoldLogLikelihood; a.ExpectedLogLikelihood; a.Entropy; a.KlQP; a.KlPQ ] [
        b.GoldLogLikelihood
        b.ExpectedLogLikelihood
        b.Entropy
        b.KlQP
        b.KlPQ
    ]

[<Fact>]
let ``the pseudo-ELBO is the gold log-likelihood less KL(q, p), so at most the gold log-likelihood`` () =
    Law.holds Scene.domain (fun scene ->
        let elbo = elbo scene

        Law.close 1e-9 elbo.Total (elbo.GoldLogLikelihood - elbo.KlQP)
        && Law.close 1e-9 elbo.Total (elbo.GoldLogLikelihood + elbo.ExpectedLogLikelihood + elbo.Entropy)
        && elbo.Total <= elbo.GoldLogLikelihood + 1e-9 * abs elbo.GoldLogLikelihood)

[<Fact>]
let ``both divergences are at least 0, and the entropy lies between 0 and that of uniform rows`` () =
    Law.holds Scene.domain (fun scene ->
        let elbo = elbo scene

        elbo.KlQP >= 0.0
        && elbo.KlPQ >= 0.0
        && elbo.Entropy >= 0.0
        && elbo.Entropy <= float elbo.PseudoNodes * log (float scene.ClassCount) + 1e-9)

[<Fact>]
let ``where q is p both divergences are 0 and the pseudo-ELBO is the gold log-likelihood`` () =
    Law.holds Scene.domain (fun scene ->
        let same = Scene.mapActors (fun actor -> { actor with Teacher = actor.Student }) scene
        let elbo = elbo same
        elbo.KlQP = 0.0 && elbo.KlPQ = 0.0 && Law.close 1e-9 elbo.Total elbo.GoldLogLikelihood)

[<Fact>]
let ``exchanging q and p exchanges the two divergences`` () =
    Law.holds Scene.domain (fun scene ->
        let there = elbo scene

        let back = PseudoElbo.ofPosteriors (Scene.supervision scene) (Scene.teacher scene) (Scene.student scene)

        there.KlQP = back.KlPQ && there.KlPQ = back.KlQP)

[<Fact>]
let ``the counts are those of the training nodes and of all others`` () =
    Law.holds Scene.domain (fun scene ->
        let elbo = elbo scene
        elbo.GoldNodes = (Scene.gold scene).Length && elbo.Nodes = scene.NodeCount)

[<Fact>]
let ``what q says of training nodes changes nothing`` () =
    Law.holds Scene.domain (fun scene ->
        let blank =
            scene
            |> Scene.mapActors (fun actor ->
                if actor.Part = Train then
                    {
                        actor with
                            Student = Array.zeroCreate scene.ClassCount
                    }
                else
                    actor)

        elbo scene = elbo blank)

[<Fact>]
let ``renaming nodes or classes leaves the pseudo-ELBO alone`` () =
    Law.holds Scene.withSeed (fun (scene, seed) ->
        agree 1e-9 (elbo scene) (elbo (Scene.renameNodes (Scene.nodeOrder seed scene) scene))
        && agree 1e-9 (elbo scene) (elbo (Scene.renameClasses (Scene.classOrder seed scene) scene)))

/// Node 0 trains with class 0, node 1 is held out.
let private pair (q: float32[]) (p: float32[]) =
    let labels = Labels.ofIndices [| "a"; "b" |] [| 0; 1; 0 |] |> Result.orRaise
    let supervision = Supervision.ofSplit labels (Split.ofParts [| Train; Train; Test |]) |> Result.orRaise
    let posterior (row: float32[]) = Array.concat [ [| 1f; 0f |]; [| 0f; 1f |]; row ]
    let q: Posterior<Lm> = posterior q |> Posterior.ofRows 2 |> Result.orRaise
    let p: Posterior<Gnn> = posterior p |> Posterior.ofRows 2 |> Result.orRaise
    PseudoElbo.ofPosteriors supervision q p

[<Fact>]
let ``a pair worked by hand: q (3/4, 1/4) against p (1/2, 1/2)`` () =
    let elbo = pair [| 0.75f; 0.25f |] [| 0.5f; 0.5f |]
    let close (expected: float) (actual: float) = Assert.Equal(expected, actual, 1e-6)
    close 0.0 elbo.GoldLogLikelihood
    close (log 0.5) elbo.ExpectedLogLikelihood
    close 0.562335 elbo.Entropy
    close 0.130812 elbo.KlQP
    close 0.143841 elbo.KlPQ
    close -0.130812 elbo.Total

[<Fact>]
let ``a class that one side rules out and the other does not makes a part infinite, and nothing NaN`` () =
    let pRulesOut = pair [| 0.75f; 0.25f |] [| 1f; 0f |]
    Assert.Equal(Double.PositiveInfinity, pRulesOut.KlQP)
    Assert.Equal(Double.NegativeInfinity, pRulesOut.ExpectedLogLikelihood)
    Assert.Equal(Double.NegativeInfinity, pRulesOut.Total)
    Assert.Equal(-(log 0.75), pRulesOut.KlPQ, 1e-6)

    let qRulesOut = pair [| 1f; 0f |] [| 0.75f; 0.25f |]
    Assert.Equal(Double.PositiveInfinity, qRulesOut.KlPQ)
    Assert.Equal(log 0.75, qRulesOut.Total, 1e-6)

[<Fact>]
let ``posteriors of another shape than the supervision's are refused`` () =
    let scene = {
        ClassCount = 2
        Pairs = [||]
        Actors = [|
            for label in 0..1 do
                {
                    Label = label
                    Part = Train
                    Teacher = [| 0f; 0f |]
                    Student = [| 0f; 0f |]
                }
        |]
    }

    let supervision = Scene.supervision scene
    let right: Posterior<Lm> = Posterior.uniform 2 2
    let wrong: Posterior<Gnn> = Posterior.uniform 3 2

    Assert.Throws<ArgumentException>(fun () -> PseudoElbo.ofPosteriors supervision right wrong |> ignore)
    |> ignore

    Assert.Throws<ArgumentException>(fun () -> PseudoElbo.ofPosteriors supervision wrong right |> ignore)
    |> ignore
