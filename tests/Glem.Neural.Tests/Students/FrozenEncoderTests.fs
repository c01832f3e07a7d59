/// An encoder that labels never move reads each text once, and heads learn from what it kept.
module Glem.Neural.Tests.FrozenEncoderTests

open System
open Glem
open Xunit

let private compute = Golden.cpu Precision.Float32

/// Nothing is dropped but by the head, as a frozen encoder has it.
let private model = {
    TinyTask.lm with
        Encoder = Encoder.withDropout 0.0 0.0 TinyTask.lm.Encoder
        TokenDropout = 0.0
}

let private tuning = {
    Tuning.full with
        Freeze = {
            Tuning.full.Freeze with
                Encoder = true
        }
}

let private encoder = LanguageModel.initialEncoder TinyTask.key model

let private stage =
    TinyTask.stage TinyTask.key {
        TinyTask.recipe with
            Epochs = 4.0
            Accumulate = 2
    }

let private isEncoder (name: string) = name.StartsWith "bert."

let private areClose what (expected: float32[]) (actual: float32[]) = Golden.agree what 2e-5 1e-4 expected actual

let variants = [
    model
    {
        model with
            Pooling = Last
            Embedding = Cls
    }
    {
        model with
            Pooling = Cls
            Projection = 5
    }
]

[<Fact>]
let ``a head that learns from kept vectors is the one that learns through the frozen encoder`` () =
    for model in variants do
        let start = LanguageModel.withNewHead TinyTask.key model encoder
        let through, q = LanguageModel.fitTuned compute model tuning stage TinyTask.texts start
        let kept, qKept = FrozenEncoder(compute, model, TinyTask.texts).Fit(stage, start)
        Assert.Equal<string>(Seq.sort through.Weights.Keys, Seq.sort kept.Weights.Keys)

        for name in start.Keys do
            let before, after = start[name].Values, kept.Weights[name].Values
            Assert.Equal(isEncoder name, (before = after))
            areClose name through.Weights[name].Values after

        areClose "embeddings" (through.Embeddings.ToArray()) (kept.Embeddings.ToArray())

        Assert.Equal(
            struct (TinyTask.nodes, LanguageModel.width model),
            struct (kept.Embeddings.Count, kept.Embeddings.Width)
        )

        areClose "posterior" (q.Rows.ToArray()) (qKept.Rows.ToArray())

[<Fact>]
let ``reading with kept vectors is reading`` () =
    for model in variants do
        let weights = LanguageModel.withNewHead TinyTask.key model encoder
        let fit, q = LanguageModel.read compute model TinyTask.texts weights
        let kept, qKept = FrozenEncoder(compute, model, TinyTask.texts).Read weights
        areClose "embeddings" (fit.Embeddings.ToArray()) (kept.Embeddings.ToArray())
        areClose "posterior" (q.Rows.ToArray()) (qKept.Rows.ToArray())

[<Fact>]
let ``texts are read once for all stages of one encoder, and anew for another encoder`` () =
    let ids = TinyTask.texts |> Array.map _.ToArray()
    let frozen = FrozenEncoder(compute, model, ids |> Array.map ReadOnlyMemory)
    let head = LanguageModel.withNewHead (Key.ofSeed 5) model
    let first, _ = frozen.Fit(stage, head encoder)

    // Who reads again reads something else.
    for text in ids do
        Array.fill text 1 (text.Length - 2) 6

    let second, _ = frozen.Fit(stage, first.Weights)
    Assert.Equal(first.Embeddings, second.Embeddings)
    let scratch, _ = frozen.Fit(stage, head encoder)
    Assert.True(TinyTask.areEqual first.Weights scratch.Weights)
    let other = LanguageModel.initialEncoder (Key.ofSeed 6) model
    let third, _ = frozen.Read(head other)
    let plain, _ = LanguageModel.read compute model (ids |> Array.map ReadOnlyMemory) (head other)
    areClose "another encoder's" (plain.Embeddings.ToArray()) (third.Embeddings.ToArray())
