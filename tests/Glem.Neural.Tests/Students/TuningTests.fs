/// How labels move a part of a language model: frozen weights, adapters, rates by layer, steps in parts.
module Glem.Neural.Tests.TuningTests

open System
open System.Collections.Generic
open Glem
open TorchSharp
open Xunit

let private precisions = [ Precision.Float32; Precision.BFloat16 ]
let private model = TinyTask.lm

let private start =
    LanguageModel.initialEncoder TinyTask.key model |> LanguageModel.withNewHead TinyTask.key model

let private bits (weight: Weight) = weight.Values |> Array.map BitConverter.SingleToInt32Bits

/// Names of the weights whose bits differ.
let private moved (before: Weights) (after: Weights) = [
    for name in Seq.sort before.Keys do
        if bits before[name] <> bits after[name] then
            name
]

let private train precision tuning =
    let fit, _ =
        LanguageModel.fitTuned
            (Golden.cpu precision)
            model
            tuning
            (TinyTask.stage TinyTask.key TinyTask.recipe)
            TinyTask.texts
            start

    fit.Weights

let private lora: LoraRecipe = {
    Rank = 3
    Alpha = 6.0
    Dropout = 0.1
    Targets = [ "query"; "value"; "intermediate.dense" ]
}

let private withLora = { Tuning.full with Lora = Some lora }

[<Fact>]
let ``frozen embeddings and layers keep their bits, and everything above them moves`` () =
    let tuning = {
        Tuning.full with
            Freeze = {
                Tuning.full.Freeze with
                    Embeddings = true
                    Layers = 1
            }
    }

    let isFrozen (name: string) = name.StartsWith "bert.embeddings." || name.StartsWith "bert.encoder.layer.0."

    for precision in precisions do
        let expected = start.Keys |> Seq.filter (isFrozen >> not) |> Seq.sort
        Assert.Equal<string>(expected, moved start (train precision tuning))

/// Three optimiser steps on all texts, with the parameters and the optimiser's memory as they are then.
let private step tuning precision (check: Parameters -> OptimiserState -> unit) =
    let compute = Golden.cpu precision
    let role = Tuning.role tuning model.Encoder (LanguageModel.role model)
    use p = Parameters.Create(compute, role, Tuning.start TinyTask.key tuning model.Encoder start)
    use optimiser = new Optimiser(TinyTask.recipe.Optimiser, p)

    for number in 1..3 do
        Scope.freeingAll (fun () ->
            let batch = PackedBatch.ofSequences compute.Device TinyTask.texts
            let pass = Pass(p, "bert.", compute.Dtype, Training(int64 number), ignore, ?lora = tuning.Lora)
            let states = Encoder.forward model.Encoder pass batch
            // A norm fixes the sum and the squares of all columns; those of some it leaves free.
            states.``to``(torch.ScalarType.Float32).narrow(1L, 0L, 8L).mean().backward()
            optimiser.Step 0.01 |> ignore)

    check p optimiser.State

[<Fact>]
let ``no gradient and no optimiser state is kept for what is frozen`` () =
    let freeze = {
        Tuning.full with
            Freeze = {
                Tuning.full.Freeze with
                    Embeddings = true
                    Layers = 1
            }
    }

    for precision in precisions do
        step freeze precision (fun p memory ->
            for name in p.Names do
                let isFrozen = name.StartsWith "bert.embeddings." || name.StartsWith "bert.encoder.layer.0."
                Assert.Equal(not isFrozen, p[name].requires_grad)
                Assert.Equal(not isFrozen, memory.Means.ContainsKey name)
                Assert.Equal(not isFrozen, memory.Squares.ContainsKey name))

[<Fact>]
let ``with LoRA the encoder keeps its bits, and the optimiser remembers adapters and head alone`` () =
    for precision in precisions do
        step withLora precision (fun p memory ->
            let now = p.Snapshot()
            let adapters = p.Names |> Array.filter Lora.isAdapter
            Assert.Empty(moved start now)
            Assert.Equal(2 * 2 * 3, adapters.Length)
            Assert.Contains("base_model.model.bert.encoder.layer.1.attention.self.value.lora_B.weight", adapters)
            let learning = Seq.append adapters [ "classifier.bias"; "classifier.weight" ]
            Assert.Equal<string>(Seq.sort learning, Seq.sort memory.Means.Keys)

            for name in adapters do
                Assert.Contains(now[name].Values, fun value -> value <> 0f))

[<Fact>]
let ``fresh adapters change nothing`` () =
    let adapted = Tuning.start TinyTask.key withLora model.Encoder start
    Assert.Equal(start.Count + 2 * 2 * 3, adapted.Count)
    Assert.True(TinyTask.areEqual start (Lora.merge lora adapted))

[<Fact>]
let ``merged adapters compute what they computed beside the weights`` () =
    step withLora Precision.Float32 (fun p _ ->
        let compute = Golden.cpu Precision.Float32
        use _ = torch.NewDisposeScope()
        use _ = torch.no_grad ()
        let plain = Lora.merge lora (p.Snapshot())
        Assert.Equal<string>(Seq.sort start.Keys, Seq.sort plain.Keys)
        use merged = Parameters.Create(compute, LanguageModel.role model, plain)
        use before = Parameters.Create(compute, LanguageModel.role model, start)
        let batch = PackedBatch.ofSequences compute.Device TinyTask.texts

        let states (p: Parameters) lora =
            Encoder.forward model.Encoder (Pass(p, "bert.", compute.Dtype, Evaluating, ignore, ?lora = lora)) batch
            |> Golden.floats

        let farthest (a: float32[]) (b: float32[]) = Array.map2 (fun a b -> abs (a - b)) a b |> Array.max
        let beside = states p (Some lora)
        Assert.True(farthest beside (states merged None) < 1e-4f)
        // What the adapters learnt is far from nothing.
        Assert.True(farthest beside (states before None) > 1e-2f))

[<Fact>]
let ``LoRA ends as plain weights that differ from the first in the products it was put beside, and in the head`` () =
    let targets = [
        "classifier.bias"
        "classifier.weight"
        for layer in 0..1 do
            for product in [ "attention.self.query"; "attention.self.value"; "intermediate.dense" ] do
                $"bert.encoder.layer.%d{layer}.%s{product}.weight"
    ]

    for precision in precisions do
        let trained = train precision withLora
        Assert.Equal<string>(Seq.sort start.Keys, Seq.sort trained.Keys)
        Assert.Equal<string>(Seq.sort targets, moved start trained)

    let above = {
        withLora with
            Freeze = { Tuning.full.Freeze with Layers = 1 }
    }

    let above = moved start (train Precision.Float32 above)
    Assert.Equal<string>(targets |> List.filter (fun name -> not (name.Contains "layer.0.")) |> Seq.sort, above)

[<Fact>]
let ``a target that the encoder has not is refused with those that it has`` () =
    match
        Lora.products
            {
                lora with
                    Targets = [ "query"; "q_lin" ]
            }
            (Encoder.specs model.Encoder)
    with
    | Error(InSetting("lm.lora.targets", "q_lin", expected)) ->
        Assert.Equal("names that end with query, key, value, dense", expected)
    | other -> Assert.Fail $"%A{other}"

/// A step's work in parts is the whole step's but for rounding, where nothing is dropped.
let private still = {
    model with
        HeadDropout = 0.0
        Encoder = Encoder.withDropout 0.0 0.0 model.Encoder
}

let private inParts parts = {
    TinyTask.recipe with
        Accumulate = parts
        // Adam divides by a gradient's size: where that is rounding, parts would part ways.
        Optimiser = {
            TinyTask.recipe.Optimiser with
                Epsilon = 1e-2
        }
}

let private areClose (a: Weights) (b: Weights) =
    for name in a.Keys do
        for a, b in Array.zip a[name].Values b[name].Values do
            Assert.Equal(a, b, 1e-5f)

[<Fact>]
let ``a batch in micro-batches teaches what it teaches whole`` () =
    let fit parts =
        let stage = TinyTask.stage TinyTask.key (inParts parts)
        (LanguageModel.fit (Golden.cpu Precision.Float32) still stage TinyTask.texts start |> fst).Weights

    let whole = fit 1
    Assert.NotEmpty(moved start whole)
    areClose whole (fit 3)
    areClose whole (fit 8)

[<Fact>]
let ``the masking game in micro-batches teaches what it teaches whole`` () =
    let play parts =
        MaskedLanguageModel.pretrain
            (Golden.cpu Precision.Float32)
            still
            TinyTask.masking
            0.15
            (inParts parts)
            TinyTask.key
            ignore
            TinyTask.texts
            (LanguageModel.initialEncoder TinyTask.key still)

    areClose (play 1) (play 3)

[<Fact>]
let ``the rate falls by the decay from the head through every layer to the embeddings`` () =
    let factor = Tuning.rateFactor 0.5 model.Encoder
    let query layer = $"bert.encoder.layer.%d{layer}.attention.self.query"
    Assert.Equal(1.0, factor "classifier.weight")
    Assert.Equal(0.5, factor (query 1 + ".weight"))
    Assert.Equal(0.25, factor (query 0 + ".weight"))
    Assert.Equal(0.25, factor (Lora.down (query 0)))
    Assert.Equal(0.125, factor "bert.embeddings.word_embeddings.weight")
    Assert.Equal(0.125, factor "bert.embeddings.LayerNorm.bias")

[<Fact>]
let ``under bfloat16 steps that are too small for a bfloat16 weight add up in its float32 master`` () =
    let one = {
        Shape = [| 1L; 1L |]
        Values = [| 1f |]
    }

    use p =
        Parameters.Create(Golden.cpu Precision.BFloat16, (fun _ -> Multiplies), Dictionary(dict [ "w", one ]))

    let recipe = {
        TinyTask.recipe.Optimiser with
            WeightDecay = 0.0
    }

    use optimiser = new Optimiser(recipe, p)
    let read () = (Golden.floats p["w"])[0]

    for step in 1..50 do
        Scope.freeingAll (fun () ->
            (p["w"] * 3f).sum().backward()
            optimiser.Step 1e-4 |> ignore)

        // bfloat16 knows no number between 1 - 2^-8 and 1, and rounds what is nearer to 1 there.
        if step <= 19 then
            Assert.Equal(1f, read ())

    Assert.Equal(TorchSharp.torch.ScalarType.BFloat16, p["w"].dtype)
    let masters = p.Snapshot()
    Assert.Equal(0.995f, masters["w"].Values[0], 1e-5f)
    Assert.Equal(1f - 1f / 256f, read ())

[<Fact>]
let ``every rule moves a parameter of half the rate half as far`` () =
    for rule in [ Rule.AdamW; Rule.Adam; Rule.RmsProp ] do
        let weights =
            Dictionary(
                dict [
                    for name in [ "a"; "b" ] ->
                        name,
                        {
                            Shape = [| 2L; 2L |]
                            Values = Array.zeroCreate 4
                        }
                ]
            )

        use p = Parameters.Create(Golden.cpu Precision.Float32, (fun _ -> Trains), weights)

        let recipe = {
            TinyTask.recipe.Optimiser with
                Rule = rule
        }

        use optimiser = new Optimiser(recipe, p, rateFactor = fun name -> if name = "a" then 1.0 else 0.5)

        Scope.freeingAll (fun () ->
            (p["a"] * 3f + p["b"] * 3f).sum().backward()
            optimiser.Step 0.1 |> ignore)

        let now = p.Snapshot()
        Assert.NotEqual(0f, now["a"].Values[0])

        for a, b in Array.zip now["a"].Values now["b"].Values do
            Assert.Equal(a / 2f, b, 1e-7f)
