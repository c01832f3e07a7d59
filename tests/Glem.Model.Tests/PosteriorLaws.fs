module Glem.Model.Tests.PosteriorLaws

open Glem
open Glem.Laws
open Xunit

let private rows (posterior: Posterior<'s>) = posterior.Rows.ToArray() |> Array.chunkBySize posterior.ClassCount

let private errorOf result =
    match result with
    | Ok _ -> failwith "expected an error"
    | Error error -> GlemError.message error

[<Fact>]
let ``a posterior's logits give the same posterior bit for bit`` () =
    Law.holds Scene.domain (fun scene ->
        let p = Scene.teacher scene
        p = Posterior.ofLogits p.ClassCount (p.Logits.ToArray()))

[<Fact>]
let ``a posterior's rows are accepted as probabilities and give it back`` () =
    Law.holds Scene.domain (fun scene ->
        let p = Scene.teacher scene
        let again: Posterior<Gnn> = Posterior.ofRows p.ClassCount (p.Rows.ToArray()) |> Result.orRaise
        Posterior.isClose 1e-6 p again)

[<Fact>]
let ``sharpening at temperature 1 changes nothing`` () =
    Law.holds Scene.domain (fun scene ->
        Posterior.isClose 1e-6 (Scene.teacher scene) (Posterior.sharpen Temperature.one (Scene.teacher scene)))

[<Fact>]
let ``ties of the argmax go to the lowest class`` () =
    let p: Posterior<Lm> = Posterior.ofLogits 3 [| 1f; 2f; 2f; 0f; 0f; 0f |]
    Assert.Equal<int<cls>[]>([| 1<cls>; 0<cls> |], Posterior.argmax p)

[<Fact>]
let ``KL of a posterior to itself is 0, and to a class without probability infinite`` () =
    Law.holds Scene.domain (fun scene ->
        Posterior.kl (Scene.teacher scene) (Scene.teacher scene) |> Array.forall ((=) 0.0))

    let half: Posterior<Lm> = Posterior.uniform 1 2
    Assert.Equal(infinity, (Posterior.kl half (Posterior.harden half))[0])

[<Fact>]
let ``renaming classes renames the columns`` () =
    Law.holds Scene.withSeed (fun (scene, seed) ->
        let order = Scene.classOrder seed scene
        let before = rows (Scene.teacher scene)
        let after = rows (Scene.teacher (Scene.renameClasses order scene))

        (before, after)
        ||> Array.forall2 (fun b a ->
            Array.forall (fun k -> Law.close 1e-6 (float b[k]) (float a[order[k]])) [| 0 .. b.Length - 1 |]))

[<Fact>]
let ``rows off the simplex are an error that names the row and its sum`` () =
    let ofRows rows : Result<Posterior<Lm>, _> = Posterior.ofRows 2 rows
    let message = ofRows [| 0.5f; 0.5f; 0.5f; 0.75f |] |> errorOf
    Assert.Contains("node 1", message)
    Assert.Contains("1.25", message)
    Assert.Contains("-0.5", ofRows [| -0.5f; 1.5f |] |> errorOf)
    Assert.Contains("3 numbers", ofRows [| 0.5f; 0.5f; 1f |] |> errorOf)
