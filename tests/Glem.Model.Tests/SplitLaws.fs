module Glem.Model.Tests.SplitLaws

open System
open FsCheck.FSharp
open Glem
open Glem.Laws
open Xunit

let private parts (scene: Scene) (split: Split) = Array.init scene.NodeCount (fun i -> split[i * 1<node>])

let private errorOf result =
    match result with
    | Ok _ -> failwith "expected an error"
    | Error error -> GlemError.message error

[<Fact>]
let ``the parts of a split are disjoint, ascending and cover every node`` () =
    Law.holds Scene.domain (fun scene ->
        let split = Scene.split scene
        let all = [ Train; Valid; Test; Unassigned ] |> List.map (fun part -> Split.nodes part split)

        List.forall (fun nodes -> Array.sort nodes = nodes) all
        && Array.sort (Array.concat all) = Array.init scene.NodeCount (fun i -> i * 1<node>))

[<Fact>]
let ``a class without a training node is an error that names it`` () =
    Law.holds Scene.domain (fun scene ->
        let untaught = scene.ClassCount - 1

        let scene =
            scene
            |> Scene.mapActors (fun a -> if a.Label = untaught && a.Part = Train then { a with Part = Test } else a)

        let message = Supervision.ofSplit (Scene.labels scene) (Scene.split scene) |> errorOf
        message.Contains $"class-%d{untaught}")

[<Fact>]
let ``a node of a part without a label is an error that names it`` () =
    Law.holds Scene.domain (fun scene ->
        let breakFirst part =
            let i = scene.Actors |> Array.findIndex (fun a -> a.Part = part)

            let broken = {
                scene with
                    Actors = Array.updateAt i { scene.Actors[i] with Label = -1 } scene.Actors
            }

            i, Scene.labels broken, Scene.split broken

        let names i (message: string) = message.Contains $"node %d{i} "
        let t, trainLabels, trainSplit = breakFirst Train
        let v, validLabels, validSplit = breakFirst Valid
        let s, testLabels, testSplit = breakFirst Test

        names t (Supervision.ofSplit trainLabels trainSplit |> errorOf)
        && names v (Validation.ofSplit validLabels validSplit |> errorOf)
        && names s (Audit.ofSplit testLabels testSplit |> errorOf))

[<Fact>]
let ``labels and a split of different sizes are an error that names both sizes`` () =
    Law.holds Scene.domain (fun scene ->
        let message = Supervision.ofSplit (Scene.labels scene) (Split.ofParts [| Train |]) |> errorOf
        message.Contains "1 nodes" && message.Contains $"%d{scene.NodeCount}")

[<Fact>]
let ``a label that is no class is an error that names node and label`` () =
    let message = Labels.ofIndices [| "a"; "b" |] [| 0; -1; 7 |] |> errorOf
    Assert.Contains("node 2", message)
    Assert.Contains("7", message)

[<Fact>]
let ``a split without validation nodes is an error`` () =
    let labels = Labels.ofIndices [| "a" |] [| 0; 0 |] |> Result.orRaise
    Assert.Contains("no validation node", Validation.ofSplit labels (Split.ofParts [| Train; Test |]) |> errorOf)

[<Fact>]
let ``supervision knows the labels of training nodes and of no others`` () =
    Law.holds Scene.domain (fun scene ->
        let supervision = Scene.supervision scene

        supervision.Nodes = Split.nodes Train (Scene.split scene)
        && scene.Actors
           |> Array.indexed
           |> Array.forall (fun (i, actor) ->
               supervision.Gold(i * 1<node>) =
                   (if actor.Part = Train then ValueSome(actor.Label * 1<cls>) else ValueNone)))
