module Glem.Model.Tests.EmLaws

open System.Collections.Generic
open Glem
open Xunit

let private inBothOrders law = law LmFirst && law GnnFirst
let private run order rounds scene = Toy.start order 7 scene |> Em.run rounds (Toy.fits 0.5f scene) |> Seq.toList

[<Fact>]
let ``steps alternate, two a round, beginning with the side that the order names`` () =
    Law.holds Scene.domain (fun scene ->
        let made order =
            run order 2 scene
            |> List.map (fun state ->
                match Em.fitted state with
                | Pretrained -> "pre-trained"
                | FittedQ(round, _, _) -> $"q%d{round}"
                | FittedP(round, _, _) -> $"p%d{round}")

        made LmFirst = [ "q1"; "p1"; "q2"; "p2" ] && made GnnFirst = [ "p1"; "q1"; "p2"; "q2" ])

[<Fact>]
let ``a start has fitted nothing`` () =
    Law.holds Scene.domain (fun scene -> inBothOrders (fun order -> (Em.fitted (Toy.start order 7 scene)).IsPretrained))

[<Fact>]
let ``a shorter run is a prefix of a longer one`` () =
    Law.holds Scene.domain (fun scene ->
        inBothOrders (fun order -> List.truncate 4 (run order 3 scene) = run order 2 scene))

[<Fact>]
let ``a run resumed at any of its states equals the uninterrupted one`` () =
    Law.holds Scene.domain (fun scene ->
        inBothOrders (fun order ->
            let whole = run order 3 scene

            whole
            |> List.indexed
            |> List.forall (fun (at, state) ->
                (Em.run 3 (Toy.fits 0.5f scene) state |> Seq.toList) = List.skip (at + 1) whole)))

[<Fact>]
let ``equal states have equal next states, and different seeds different ones`` () =
    Law.holds Scene.domain (fun scene ->
        inBothOrders (fun order ->
            let next seed = Toy.start order seed scene |> Em.step (Toy.fits 0.5f scene)
            next 7 = next 7 && next 7 <> next 8))

[<Fact>]
let ``a run is lazy: asking for the first state runs one step`` () =
    Law.holds Scene.domain (fun scene ->
        let counted = List<string>()
        let fits = Toy.fits 0f scene

        let counting = {
            FitQ =
                fun turn p theta ->
                    counted.Add "q"
                    fits.FitQ turn p theta
            FitP =
                fun turn theta q phi ->
                    counted.Add "p"
                    fits.FitP turn theta q phi
        }

        Toy.start LmFirst 7 scene |> Em.run 100 counting |> Seq.head |> ignore
        List.ofSeq counted = [ "q" ])

[<Fact>]
let ``no two fits of a run get the same key or the wrong round`` () =
    Law.holds Scene.domain (fun scene ->
        inBothOrders (fun order ->
            let turns = List<Turn>()
            let fits = Toy.fits 0f scene

            let watching = {
                FitQ =
                    fun turn p theta ->
                        turns.Add turn
                        fits.FitQ turn p theta
                FitP =
                    fun turn theta q phi ->
                        turns.Add turn
                        fits.FitP turn theta q phi
            }

            Toy.start order 7 scene |> Em.run 3 watching |> Seq.iter ignore

            (turns |> Seq.map _.Round |> List.ofSeq) = [ 1; 1; 2; 2; 3; 3 ]
            && (turns |> Seq.map _.Key |> Seq.distinct |> Seq.length) = 6))

[<Fact>]
let ``a step leaves the other side's parameters as they are`` () =
    Law.holds Scene.domain (fun scene ->
        inBothOrders (fun order ->
            let parameters state =
                match state with
                | ReadyForE(theta = theta; phi = phi)
                | ReadyForM(theta = theta; phi = phi) -> theta, phi

            let start = Toy.start order 7 scene

            start :: run order 3 scene
            |> List.pairwise
            |> List.forall (fun (before, after) ->
                match before with
                | ReadyForE _ -> snd (parameters before) = snd (parameters after)
                | ReadyForM _ -> fst (parameters before) = fst (parameters after))))

[<Fact>]
let ``gold labels survive any number of rounds`` () =
    Law.holds Scene.domain (fun scene ->
        inBothOrders (fun order ->
            let supervision = Scene.supervision scene

            let keepsGold (targets: Targets<'t>) =
                let gold = Array.zip targets.Nodes (Array.init targets.Count (fun at -> targets[at])) |> Map.ofArray
                Scene.gold scene |> Array.forall (fun (i, k) -> gold[i] = Gold k)

            let everyone = Pool.unlabelled supervision

            run order 4 scene
            |> List.forall (fun state ->
                match state with
                | ReadyForE(p = p) -> Targets.ofTeacher supervision p everyone |> keepsGold
                | ReadyForM(q = q) -> Targets.ofTeacher supervision q everyone |> keepsGold)))

[<Fact>]
let ``other validation and test labels change no bit of a run`` () =
    Law.holds Scene.domain (fun scene ->
        let poisoned =
            scene
            |> Scene.mapActors (fun a ->
                if a.Part = Train || a.Label < 0 then
                    a
                else
                    {
                        a with
                            Label = (a.Label + 1) % scene.ClassCount
                    })

        inBothOrders (fun order -> run order 3 scene = run order 3 poisoned))

[<Fact>]
let ``renaming nodes renames the posteriors of every state`` () =
    Law.holds Scene.withSeed (fun (scene, seed) ->
        let order = Scene.nodeOrder seed scene
        let last scene = Toy.start LmFirst 7 scene |> Em.run 2 (Toy.fits 0f scene) |> Seq.last

        match last scene, last (Scene.renameNodes order scene) with
        | ReadyForE(p = before), ReadyForE(p = after) ->
            Array.forall
                (fun i ->
                    Array.forall2
                        (fun (x: float32) (y: float32) -> Law.close 1e-4 (float x) (float y))
                        (before.Row(i * 1<node>).ToArray())
                        (after.Row(order[i] * 1<node>).ToArray()))
                [| 0 .. scene.NodeCount - 1 |]
        | _ -> false)
