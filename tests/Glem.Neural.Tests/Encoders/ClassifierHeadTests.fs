module Glem.Neural.Tests.ClassifierHeadTests

open Glem
open TorchSharp
open Xunit

let classifiers = GoldenEncoder.folders _.Contains("_seqcls")

/// Hugging Face's classification heads on our encoders' states, each as its family has it. GLEM has a head of its own; these
/// show that the encoder inside a classifier's checkpoint is the one that was trained.
///   first : [b; d] states of each text's first token   mean : [b; d] means over its tokens   result : [b; c]
let private logits encoder (find: string -> Tensor) (first: Tensor) (mean: Tensor) =
    let linear name (x: Tensor) = torch.nn.functional.linear (x, find $"%s{name}.weight", find $"%s{name}.bias")
    let gelu (x: Tensor) = torch.nn.functional.gelu x

    match encoder with
    | Encoder.Bert _ -> (linear "bert.pooler.dense" first).tanh() |> linear "classifier"
    | Encoder.Roberta _ -> (linear "classifier.dense" first).tanh() |> linear "classifier.out_proj"
    | Encoder.DistilBert _ -> (linear "pre_classifier" first).relu() |> linear "classifier"
    | Encoder.Electra _ -> linear "classifier.dense" first |> gelu |> linear "classifier.out_proj"
    | Encoder.Deberta _
    | Encoder.DebertaV2 _ -> linear "pooler.dense" first |> gelu |> linear "classifier"
    | Encoder.ModernBert config ->
        torch.nn.functional.linear (mean, find "head.dense.weight")
        |> gelu
        |> Layers.norm (find "head.norm.weight") null config.Shape.LayerNormEpsilon
        |> linear "classifier"

[<Theory; MemberData(nameof classifiers)>]
let ``a classifier's logits and its head's gradients are Hugging Face's`` (folder: string) =
    use _ = torch.NewDisposeScope()
    let io = Golden.tensors $"encoders/%s{folder}/io.safetensors"
    let encoder = GoldenEncoder.encoder folder
    let prefix = Encoder.prefix encoder

    let weights =
        Golden.weights
            (fun name -> if name.EndsWith "position_ids" then None else Some name)
            $"encoders/%s{folder}/model.safetensors"

    let own = Encoder.role encoder

    let role (name: string) =
        if name.StartsWith prefix && not (name.Contains "pooler") then
            own (name.Substring prefix.Length)
        else
            Trains

    use p = Parameters.Create(Golden.cpu Precision.Float32, role, weights)

    let texts = GoldenEncoder.texts io

    let states =
        Encoder.forward encoder (Pass(p, prefix, torch.ScalarType.Float32, Evaluating, ignore)) texts.Batch

    let bounds = texts.Batch.Bounds
    let text i = states.narrow (0L, int64 bounds[i], int64 (bounds[i + 1] - bounds[i]))
    let first = torch.stack (Seq.init 3 (fun i -> (text i).select(0L, 0L)))
    // The reference takes the mean for modernbert_seqcls_mean alone, and the first token elsewhere.
    let mean =
        if folder.EndsWith "_mean" then
            torch.stack (Seq.init 3 (fun i -> (text i).mean [| 0L |]))
        else
            first

    let logits = logits encoder (fun name -> p[name]) first mean
    Golden.agree "logits" 5e-5 1e-4 (Golden.floats io["logits"]) (Golden.floats logits)
    let loss = torch.nn.functional.cross_entropy (logits, io["labels"])
    Golden.agree "loss" 1e-5 1e-5 (Golden.floats io["loss"]) (Golden.floats loss)
    loss.backward ()

    for pair in io do
        if pair.Key.StartsWith "grad." then
            let name = pair.Key.Substring 5
            Golden.agreeToLargest name 1e-4 1e-3 (Golden.floats pair.Value) (Golden.gradient p[name])
