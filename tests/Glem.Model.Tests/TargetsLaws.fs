module Glem.Model.Tests.TargetsLaws

open Glem
open Xunit

let private fraction x = Fraction.create "fraction" x |> Result.orRaise

let private teaching softness share = {
    Softness = softness
    TopFraction = fraction share
}

let private pool scene = Pool.unlabelled (Scene.supervision scene)
let private top share scene = Pool.topFraction (fraction share) (Scene.teacher scene) (pool scene)

[<Fact>]
let ``the gold row of every training node is one-hot, whatever the teacher thinks and whatever pool it is given`` () =
    Law.holds Scene.domain (fun scene ->
        let everyone = Array.init scene.NodeCount (fun i -> i * 1<node>)
        let targets = Targets.ofTeacher (Scene.supervision scene) (Scene.teacher scene) everyone
        let position = targets.Nodes |> Array.indexed |> Array.map (fun (at, i) -> i, at) |> Map.ofArray

        Scene.gold scene
        |> Array.forall (fun (i, k) ->
            let at = position[i]
            let row = targets.Rows.Slice(at * scene.ClassCount, scene.ClassCount).ToArray()
            targets[at] = Gold k && row = Array.init scene.ClassCount (fun j -> if j = int k then 1f else 0f)))

[<Fact>]
let ``nodes of the pool carry the teacher's row, and nobody else is taught`` () =
    Law.holds (Scene.withNumber 0.0 1.0) (fun (scene, share) ->
        let teacher = Scene.teacher scene
        let taught = top share scene
        let targets = Teaching.targets (teaching (Soft Temperature.one) share) (Scene.supervision scene) teacher
        let expected = Array.append (Scene.gold scene |> Array.map fst) taught |> Array.sort

        targets.Nodes = expected
        && Seq.forall
            (fun at ->
                match targets[at] with
                | Gold _ -> targets.IsGold[at]
                | Pseudo row ->
                    not targets.IsGold[at]
                    && Array.forall2
                        (fun x (y: float32) -> Law.close 1e-6 (float x) (float y))
                        row
                        (teacher.Row(targets.Nodes[at]).ToArray()))
            (seq { 0 .. targets.Count - 1 }))

[<Fact>]
let ``every target is a distribution`` () =
    Law.holds Scene.domain (fun scene ->
        let targets = Teaching.targets (teaching Hard 1.0) (Scene.supervision scene) (Scene.teacher scene)

        targets.Rows.ToArray()
        |> Array.chunkBySize scene.ClassCount
        |> Array.forall (fun row -> Law.close 1e-6 1.0 (Array.sumBy float row)))

[<Fact>]
let ``held-out labels do not change what a student sees`` () =
    Law.holds Scene.domain (fun scene ->
        let poisoned =
            scene
            |> Scene.mapActors (fun actor ->
                if actor.Part = Train || actor.Label < 0 then
                    actor
                else
                    {
                        actor with
                            Label = (actor.Label + 1) % scene.ClassCount
                    })

        Scene.supervision scene = Scene.supervision poisoned)

[<Fact>]
let ``the pool is everyone without gold, validation and test included`` () =
    Law.holds Scene.domain (fun scene ->
        pool scene = [|
            for i, actor in Array.indexed scene.Actors do
                if actor.Part <> Train then
                    i * 1<node>
        |])

[<Fact>]
let ``a filter keeps the floor of its share of the pool, and all of it at 1`` () =
    Law.holds (Scene.withNumber 0.0 1.0) (fun (scene, share) ->
        // Thousandths in whole numbers: the expected size does not depend on floating point.
        let expected = int (round (1000.0 * share)) * (pool scene).Length / 1000
        (top share scene).Length = expected && top 1.0 scene = pool scene)

[<Fact>]
let ``a smaller filter keeps a subset of a larger one, and never a gold node`` () =
    Law.holds (Scene.withNumbers 0.0 1.0) (fun (scene, (a, b)) ->
        let smaller, larger = set (top (min a b) scene), set (top (max a b) scene)
        Set.isSubset smaller larger && Set.isSubset larger (set (pool scene)))

[<Fact>]
let ``a filter keeps nobody less confident than one it drops, and of equals the lower node`` () =
    Law.holds (Scene.withNumber 0.0 1.0) (fun (scene, share) ->
        let kept = set (top share scene)
        let dropped = Set.difference (set (pool scene)) kept
        let confidence = Posterior.confidence (Scene.teacher scene)

        Seq.allPairs kept dropped
        |> Seq.forall (fun (k, d) ->
            confidence[int k] > confidence[int d] || (confidence[int k] = confidence[int d] && k < d)))

[<Fact>]
let ``a filter does not depend on the order of its pool`` () =
    Law.holds (Scene.withNumber 0.0 1.0) (fun (scene, share) ->
        Pool.topFraction (fraction share) (Scene.teacher scene) (Array.rev (pool scene)) = top share scene)

[<Fact>]
let ``renaming nodes renames the targets`` () =
    Law.holds Scene.withSeed (fun (scene, seed) ->
        let order = Scene.nodeOrder seed scene

        let rowsByNode (targets: Targets<Gnn>) =
            Array.zip targets.Nodes (targets.Rows.ToArray() |> Array.chunkBySize scene.ClassCount)
            |> Map.ofArray

        let targets scene =
            Teaching.targets (teaching Hard 1.0) (Scene.supervision scene) (Scene.teacher scene) |> rowsByNode

        let renamed =
            targets scene |> Map.toSeq |> Seq.map (fun (i, row) -> order[int i] * 1<node>, row) |> Map.ofSeq

        targets (Scene.renameNodes order scene) = renamed)

[<Fact>]
let ``a share of 0.29 of 100 is 29`` () = Assert.Equal(29, (fraction 0.29).Of 100)
