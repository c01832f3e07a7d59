module Glem.Model.Tests.PosteriorLaws

open System
open Glem
open Xunit

let private temperature x = Temperature.create "temperature" x |> Result.orRaise
let private rows (posterior: Posterior<'s>) = posterior.Rows.ToArray() |> Array.chunkBySize posterior.ClassCount

let private shifted k (scene: Scene) =
    scene
    |> Scene.mapActors (fun a -> {
        a with
            Teacher = a.Teacher |> Array.map (fun z -> z + k)
    })

let private errorOf result =
    match result with
    | Ok _ -> failwith "expected an error"
    | Error error -> GlemError.message error

[<Fact>]
let ``every row is on the simplex, for logits up to 800 and below`` () =
    Law.holds Scene.domain (fun scene ->
        rows (Scene.teacher scene)
        |> Array.forall (fun row ->
            Array.forall (fun p -> p >= 0f && p <= 1f) row && Law.close 1e-6 1.0 (Array.sumBy float row)))

[<Fact>]
let ``adding a constant to the logits leaves the posterior alone`` () =
    Law.holds (Scene.withNumber -50.0 50.0) (fun (scene, k) ->
        // 1e-4: float32 rounds 800 + k itself by up to 6e-5.
        Posterior.isClose 1e-4 (Scene.teacher scene) (Scene.teacher (shifted (float32 k) scene)))

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
let ``as the temperature falls to 0 a posterior becomes its argmax`` () =
    Law.holds Scene.domain (fun scene ->
        let untied =
            scene
            |> Scene.mapActors (fun a -> {
                a with
                    Teacher = a.Teacher |> Array.mapi (fun k z -> z - 0.01f * float32 k)
            })

        let p = Scene.teacher untied
        let gap = rows p |> Array.map (Array.sortDescending >> fun row -> row[0] - row[1])
        let cold = Posterior.sharpen (temperature 1e-6) p |> rows
        let hard = Posterior.harden p |> rows
        Array.forall (fun i -> gap[i] < 1e-4f || cold[i] = hard[i]) [| 0 .. p.NodeCount - 1 |])

[<Fact>]
let ``as the temperature grows a posterior becomes uniform`` () =
    Law.holds Scene.domain (fun scene ->
        let p = Scene.teacher scene
        let uniform: Posterior<Gnn> = Posterior.uniform p.NodeCount p.ClassCount
        Posterior.isClose 1e-5 uniform (Posterior.sharpen (temperature 1e9) p))

[<Fact>]
let ``sharpening keeps the argmax and lowers no confidence`` () =
    Law.holds Scene.domain (fun scene ->
        let p = Scene.teacher scene
        let cold = Posterior.sharpen (temperature 0.2) p

        Array.forall2 (fun before after -> after >= before - 1e-6) (Posterior.confidence p) (Posterior.confidence cold)
        && Array.forall2 (fun k (row: float32[]) -> row[int k] = Array.max row) (Posterior.argmax p) (rows cold))

[<Fact>]
let ``a hard posterior is one-hot on the argmax`` () =
    Law.holds Scene.domain (fun scene ->
        let p = Scene.teacher scene

        (Posterior.argmax p, rows (Posterior.harden p))
        ||> Array.forall2 (fun best row -> row = Array.init p.ClassCount (fun k -> if k = int best then 1f else 0f)))

[<Fact>]
let ``ties of the argmax go to the lowest class`` () =
    let p: Posterior<Lm> = Posterior.ofLogits 3 [| 1f; 2f; 2f; 0f; 0f; 0f |]
    Assert.Equal<int<cls>[]>([| 1<cls>; 0<cls> |], Posterior.argmax p)

[<Fact>]
let ``entropy lies between 0 and ln c, and is 0 for a hard posterior`` () =
    Law.holds Scene.domain (fun scene ->
        let p = Scene.teacher scene
        let most = log (float p.ClassCount)

        Posterior.entropy p |> Array.forall (fun h -> h >= 0.0 && h <= most + 1e-12)
        && Posterior.entropy (Posterior.harden p) |> Array.forall ((=) 0.0))

[<Fact>]
let ``cross-entropy minus entropy is KL, and KL is not negative`` () =
    Law.holds Scene.domain (fun scene ->
        let p, q = Scene.teacher scene, Scene.student scene
        let difference = Array.map2 (-) (Posterior.crossEntropy p q) (Posterior.entropy p)
        let kl = Posterior.kl p q
        Array.forall2 (Law.close 1e-9) difference kl && Array.forall (fun x -> x >= -1e-12) kl)

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

[<Theory>]
[<InlineData(Double.NaN)>]
[<InlineData(Double.PositiveInfinity)>]
let ``a logit that is no number stops the run with its row`` (bad: float) =
    let diverged =
        Assert.Throws<GlemException>(fun () ->
            Posterior.ofLogits 2 [| 0f; 1f; 0f; float32 bad |] |> ignore<Posterior<Lm>>)

    Assert.Contains("node 1", diverged.Message)

[<Fact>]
let ``rows off the simplex are an error that names the row and its sum`` () =
    let ofRows rows : Result<Posterior<Lm>, _> = Posterior.ofRows 2 rows
    let message = ofRows [| 0.5f; 0.5f; 0.5f; 0.75f |] |> errorOf
    Assert.Contains("node 1", message)
    Assert.Contains("1.25", message)
    Assert.Contains("-0.5", ofRows [| -0.5f; 1.5f |] |> errorOf)
    Assert.Contains("3 numbers", ofRows [| 0.5f; 0.5f; 1f |] |> errorOf)
