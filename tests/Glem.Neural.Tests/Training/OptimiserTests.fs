module Glem.Neural.Tests.OptimiserTests

open System.Collections.Generic
open System.IO
open System.Text.Json
open Glem
open TorchSharp
open Xunit

let private golden () = JsonDocument.Parse(File.ReadAllText(SharedFiles.file "fixtures/optim.json")).RootElement

let private field (name: string) (json: JsonElement) = json.GetProperty name
let private numbers (json: JsonElement) = [| for number in json.EnumerateArray() -> number.GetDouble() |]

let private recipe: OptimiserRecipe = {
    Rule = Rule.AdamW
    LearningRate = 0.1
    WeightDecay = 0.01
    Beta1 = 0.9
    Beta2 = 0.999
    Epsilon = 1e-8
    ClipNorm = 0.0
    WarmUp = 0.0
    Decay = false
    LayerDecay = 1.0
}

/// The gradient of the golden objective, 0.5 (w-c)' A (w-c) + 0.25 (b0 w0 - b1)^2 + 0.1 (b0^2 + b1^2).
let private gradient (json: JsonElement) (w: float[]) (b: float[]) =
    let a = [| for row in (field "A" json).EnumerateArray() -> numbers row |]
    let c = numbers (field "c" json)
    let coupling = b[0] * w[0] - b[1]

    let ofW =
        Array.init 4 (fun i ->
            (Seq.init 4 (fun j -> a[i][j] * (w[j] - c[j])) |> Seq.sum)
            + (if i = 0 then 0.5 * coupling * b[0] else 0.0))

    ofW, [| 0.5 * coupling * w[0] + 0.2 * b[0]; -0.5 * coupling + 0.2 * b[1] |]

/// Ten steps from the golden start; every step's rate, gradients and values agree. A matrix decays, a vector does not.
let private follows (case: string) (recipe: OptimiserRecipe) (shapeOfB: int64[]) =
    use _ = torch.NewDisposeScope()
    let json = golden ()
    let rows = field "cases" json |> field case |> field "rows"

    let start (name: string) shape = {
        Shape = shape
        Values = numbers (field name json) |> Array.map float32
    }

    let weights = Dictionary(dict [ "b", start "b_start" shapeOfB; "w", start "w_start" [| 2L; 2L |] ])

    use p = Parameters.Create(Golden.cpu Precision.Float32, (fun _ -> Trains), weights)
    use optimiser = new Optimiser(recipe, p)
    let value (name: string) = Golden.floats p[name] |> Array.map float

    for step, row in Seq.indexed (rows.EnumerateArray()) do
        let rate = Schedule.rate recipe (rows.GetArrayLength()) step
        Assert.Equal((field "lr" row).GetDouble(), rate, 1e-12)
        let ofW, ofB = gradient json (value "w") (value "b")

        let agree name tolerance (actual: float[]) =
            Golden.agree
                $"%s{name} at step %d{step}"
                tolerance
                tolerance
                (numbers (field name row) |> Array.map float32)
                (actual |> Array.map float32)

        // Float32 masters beside a float64 run, whose own float32 twin ends within 4e-7; gradients multiply the distance.
        agree "grad_w" 1e-5 ofW
        agree "grad_b" 1e-5 ofB

        let put (name: string) (values: float[]) =
            p[name].grad <- torch.tensor(values |> Array.map float32).reshape p[name].shape

        put "w" ofW
        put "b" ofB
        let norm = optimiser.Step rate

        match row.TryGetProperty "grad_norm_before_clip" with
        | true, expected -> Assert.Equal(expected.GetDouble(), norm, 1e-5)
        | _ -> ()

        agree "w" 2e-6 (value "w")
        agree "b" 2e-6 (value "b")

[<Fact>]
let ``AdamW takes PyTorch's steps`` () = follows "adamw" recipe [| 2L; 1L |]

[<Fact>]
let ``AdamW takes PyTorch's steps under linear warm-up and decay`` () =
    follows
        "adamw_linear_warmup"
        {
            recipe with
                WeightDecay = 0.1
                WarmUp = 0.3
                Decay = true
        }
        [| 2L; 1L |]

let private adam = { recipe with Rule = Rule.Adam }

let private rmsProp = {
    recipe with
        Rule = Rule.RmsProp
        LearningRate = 0.05
        Beta2 = 0.99
}

let private warmUp (recipe: OptimiserRecipe) = {
    recipe with
        WarmUp = 0.3
        Decay = true
}

[<Fact>]
let ``Adam takes PyTorch's steps, its decay an L2 penalty`` () =
    follows "adam" { adam with WeightDecay = 0.0 } [| 2L; 1L |]
    follows "adam_l2" { adam with WeightDecay = 0.05 } [| 2L; 1L |]
    follows "adam_l2_linear_warmup" (warmUp { adam with WeightDecay = 5e-4 }) [| 2L; 1L |]

[<Fact>]
let ``RMSprop takes PyTorch's steps, its decay an L2 penalty`` () =
    follows "rmsprop" { rmsProp with WeightDecay = 0.0 } [| 2L; 1L |]
    follows "rmsprop_wd" { rmsProp with WeightDecay = 0.05 } [| 2L; 1L |]
    follows "rmsprop_linear_warmup" (warmUp { rmsProp with WeightDecay = 0.05 }) [| 2L; 1L |]

/// Steps on fixed gradients, in an optimiser that starts from `state`.
let private steps (recipe: OptimiserRecipe) precision weights state count =
    use p = Parameters.Create(Golden.cpu precision, (fun _ -> Multiplies), weights)
    use optimiser = new Optimiser(recipe, p, ?state = state)

    for step in 1..count do
        p["w"].grad <-
            torch.tensor([| 1f; -2f; 3f; float32 optimiser.State.Steps |]).reshape([| 2L; 2L |]).``to`` p["w"].dtype

        optimiser.Step 0.1 |> ignore

    p.Snapshot(), optimiser.State, Golden.floats p["w"]

[<Theory>]
[<InlineData "AdamW">]
[<InlineData "Adam">]
[<InlineData "RmsProp">]
let ``an optimiser that starts from another's memory continues as that one would, in either precision`` (rule: string) =
    use _ = torch.NewDisposeScope()

    let rule = Map [ "AdamW", Rule.AdamW; "Adam", Rule.Adam; "RmsProp", Rule.RmsProp ] |> Map.find rule
    let recipe = { recipe with Rule = rule }

    let start: Weights =
        Dictionary(
            dict [
                "w",
                {
                    Shape = [| 2L; 2L |]
                    Values = [| 1f; 2f; -3f; 0.5f |]
                }
            ]
        )

    for precision in [ Precision.Float32; Precision.BFloat16 ] do
        let unbroken, _, leaf = steps recipe precision start None 5
        let halfway, memory, _ = steps recipe precision start None 2
        let resumed, _, resumedLeaf = steps recipe precision halfway (Some memory) 3
        let forgetful, _, _ = steps recipe precision halfway None 3
        Assert.True(TinyTask.areEqual unbroken resumed)
        Assert.Equal<float32>(leaf, resumedLeaf)
        Assert.False(TinyTask.areEqual unbroken forgetful)

[<Fact>]
let ``vectors are not decayed, and gradients are clipped by their norm over all parameters`` () =
    let recipe = {
        recipe with
            LearningRate = 0.05
            WeightDecay = 0.1
            Epsilon = 1e-6
            ClipNorm = 1.0
            WarmUp = 0.3
            Decay = true
            LayerDecay = 1.0
    }

    follows "adamw_groups_clip" recipe [| 2L |]

[<Fact>]
let ``learning rates are those of transformers' linear schedule with warm-up`` () =
    let schedules = [
        for property in (golden () |> field "schedules" |> field "values").EnumerateObject() do
            if property.Name.StartsWith "linear_" then
                match property.Name.Split '_' with
                | [| _; warmUp; total |] -> int (warmUp.Substring 6), int (total.Substring 5), numbers property.Value
                | _ -> ()
    ]

    Assert.NotEmpty schedules

    for warmUp, total, expected in schedules do
        let recipe = {
            recipe with
                LearningRate = 2e-5
                WarmUp = float warmUp / float total
                Decay = true
        }

        for step in 0 .. total - 1 do
            Assert.Equal(expected[step], Schedule.rate recipe total step, 1e-15)

[<Fact>]
let ``without decay the rate stays at its peak after warm-up`` () =
    Assert.Equal<float>([ 0.0; 0.05; 0.1; 0.1; 0.1 ], List.init 5 (Schedule.rate { recipe with WarmUp = 0.4 } 5))

[<Fact>]
let ``RevGAT's rate rises over 50 of 2,000 epochs and stays, a constant one never moves, the LM's falls to 0`` () =
    let factors recipe = [ 0; 25; 50; 51; 1999; 2000 ] |> List.map (Schedule.factor recipe 2000)
    // GLEM's src/models/GNNs/gnn_trainer.py: the rate times epoch / 50 up to epoch 50, counted from 0.
    Assert.Equal<float>([ 0.0; 0.5; 1.0; 1.0; 1.0; 1.0 ], factors { recipe with WarmUp = 0.025 })
    Assert.Equal<float>([ 1.0; 1.0; 1.0; 1.0; 1.0; 1.0 ], factors recipe)

    let falling =
        factors {
            recipe with
                WarmUp = 0.025
                Decay = true
        }

    Assert.Equal<float>([ 0.0; 0.5; 1.0; 1949.0 / 1950.0; 1.0 / 1950.0; 0.0 ], falling)
