module Glem.Neural.Tests.PropagatedLabelsTests

open Glem
open TorchSharp
open Xunit

let private compute = Golden.cpu Precision.Float32

/// A path 0 - 1 - 2 - 3 - 4 whose ends are gold, and node 5 alone; class 0 left, class 1 right.
let private n = 6

let private supervision =
    let labels = Labels.ofIndices [| "left"; "right" |] [| 0; 0; 0; 1; 1; 0 |] |> Result.orRaise

    Split.ofParts [| Train; Test; Valid; Test; Train; Test |]
    |> Supervision.ofSplit labels
    |> Result.orRaise

let private graph () = GraphTensors.ofCsr torch.CPU (Csr.symmetric n [ for i in 0..3 -> struct (i, i + 1) ])

/// y <- clamp(alpha S y + (1 - alpha) y0), by loops over the path.
let private spread hops alpha limit (y0: float[]) =
    let degree = [| 1.0; 2.0; 2.0; 2.0; 1.0; 0.0 |]

    let step (y: float[]) =
        Array.init n (fun i ->
            let neighbours = [
                if i >= 1 && i <= 4 then
                    i - 1
                if i <= 3 then
                    i + 1
            ]

            let mean = neighbours |> List.sumBy (fun j -> y[j] / sqrt (degree[i] * degree[j]))
            alpha * mean + (1.0 - alpha) * y0[i] |> limit)

    Seq.init hops ignore |> Seq.fold (fun y () -> step y) y0

let private row (posterior: Posterior<'s>) i = posterior.Row(i * 1<node>).ToArray()

[<Fact>]
let ``label propagation is its recurrence, and a node that nothing reaches says nothing`` () =
    use graph = graph ()
    let p = LabelPropagation.predict compute { Hops = 7; Alpha = 0.8 } graph supervision
    let clamp = max 0.0 >> min 1.0
    let left = spread 7 0.8 clamp [| 1.0; 0.0; 0.0; 0.0; 0.0; 0.0 |]
    let right = spread 7 0.8 clamp [| 0.0; 0.0; 0.0; 0.0; 1.0; 0.0 |]

    for i in 0..4 do
        let share = float32 (left[i] / (left[i] + right[i]))
        Golden.agree $"node %d{i}" 1e-5 0.0 [| share; 1f - share |] (row p i)

    Golden.agree "node 5" 1e-6 0.0 [| 0.5f; 0.5f |] (row p 5)

[<Fact>]
let ``smoothing alone spreads gold labels and predictions`` () =
    use graph = graph ()
    let base': Posterior<Gnn> = Posterior.ofLogits 2 (Array.create 12 0f)

    let settings = {
        CorrectAndSmooth.standard with
            Correction = { Hops = 3; Alpha = 0.0 }
            Smoothing = { Hops = 4; Alpha = 0.5 }
            Autoscale = false
            Scale = 0.0
    }

    let p = CorrectAndSmooth.apply compute settings graph supervision base'
    let clamp = max 0.0 >> min 1.0
    let left = spread 4 0.5 clamp [| 1.0; 0.5; 0.5; 0.5; 0.0; 0.5 |]
    let right = spread 4 0.5 clamp [| 0.0; 0.5; 0.5; 0.5; 1.0; 0.5 |]

    for i in 0..5 do
        let share = float32 (left[i] / (left[i] + right[i]))
        Golden.agree $"node %d{i}" 1e-5 0.0 [| share; 1f - share |] (row p i)

[<Theory>]
[<InlineData true>]
[<InlineData false>]
let ``a correction moves a wrong model's neighbours of training nodes towards their labels`` (autoscale: bool) =
    use graph = graph ()
    // Everyone is said to be right.
    let wrong: Posterior<Gnn> =
        Posterior.ofLogits 2 (Array.init 12 (fun at -> if at % 2 = 1 then 2f else 0f))

    let settings = {
        Correction = { Hops = 5; Alpha = 0.9 }
        Smoothing = { Hops = 1; Alpha = 0.0 }
        Autoscale = autoscale
        Scale = 1.0
    }

    let p = CorrectAndSmooth.apply compute settings graph supervision wrong
    Assert.True((row p 1)[0] > (row wrong 1)[0] + 0.05f)
    Golden.agree "node 5, out of reach" 1e-5 0.0 (row wrong 5) (row p 5)
