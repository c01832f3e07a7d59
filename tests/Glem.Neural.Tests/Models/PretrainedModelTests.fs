module Glem.Neural.Tests.PretrainedModelTests

open System.Collections.Generic
open System.IO
open System.Text.Json.Nodes
open Glem
open Glem.Torch.Extensions
open TorchSharp
open Xunit

let private same (expected: Weights) (actual: Weights) =
    Assert.Equal<string seq>(Seq.sort expected.Keys, Seq.sort actual.Keys)

    for pair in expected do
        Assert.Equal<int64>(pair.Value.Shape, actual[pair.Key].Shape)
        Assert.Equal<float32>(pair.Value.Values, actual[pair.Key].Values)

let private bert () = GoldenEncoder.folder "bert" |> PretrainedModel.load |> Result.orRaise

[<Theory>]
[<InlineData("bert/pytorch_model.bin")>]
[<InlineData("bert/pytorch_model.legacy.bin")>]
let ``pytorch_model.bin holds the same weights, in both of its formats`` (file: string) =
    use folder = ModelFolder.make ignore file "pytorch_model.bin"
    let loaded = ModelFolder.load folder |> Result.orRaise
    same (bert ()).Weights loaded.Weights

    Assert.Equal<string list>(
        [ "embeddings.position_ids"; "pooler.dense.bias"; "pooler.dense.weight" ],
        List.sort loaded.Tensors.Ignored
    )

    Assert.Empty loaded.Tensors.Unexpected

[<Theory>]
[<InlineData("bert_sharded")>]
[<InlineData("bert_old_names")>]
let ``shards and names of 2018 hold the same weights`` (folder: string) =
    let loaded = GoldenEncoder.folder folder |> PretrainedModel.load |> Result.orRaise
    same (bert ()).Weights loaded.Weights

[<Theory>]
[<InlineData("f16")>]
[<InlineData("bf16")>]
let ``weights of 16 bits are widened to what libtorch makes of them`` (kind: string) =
    use _ = torch.NewDisposeScope()
    use folder = ModelFolder.make ignore $"bert/model.%s{kind}.safetensors" "model.safetensors"
    let loaded = ModelFolder.load folder |> Result.orRaise
    let prefix = Encoder.prefix loaded.Encoder
    let stored = Golden.tensors $"encoders/bert/model.%s{kind}.safetensors"

    for pair in loaded.Weights do
        Assert.Equal<float32>((Weight.ofTensor stored[pair.Key.Substring prefix.Length]).Values, pair.Value.Values)

    let io = Golden.tensors "encoders/bert/io.safetensors"
    let lowPrecision = Golden.tensors "encoders/bert/io_lowprec_weights.safetensors"
    let role = Encoder.role loaded.Encoder

    use p =
        Parameters.Create(
            Golden.cpu Precision.Float32,
            (fun (name: string) -> role (name.Substring prefix.Length)),
            loaded.Weights
        )

    let texts = GoldenEncoder.texts io

    let states =
        Encoder.forward loaded.Encoder (Pass(p, prefix, torch.ScalarType.Float32, Evaluating, ignore)) texts.Batch

    let expected = GoldenEncoder.expected texts lowPrecision[$"%s{kind}.last_hidden_state"] |> Golden.floats

    GoldenEncoder.withoutFiller texts states
    |> Golden.floats
    |> Golden.agree "states" 5e-5 1e-4 expected

[<Fact>]
let ``a layer that config.json has no place for is reported, not hidden`` () =
    use folder =
        ModelFolder.make (fun config -> config["num_hidden_layers"] <- 2) "bert/model.safetensors" "model.safetensors"

    let loaded = ModelFolder.load folder |> Result.orRaise
    Assert.Equal(16, loaded.Tensors.Unexpected.Length)
    Assert.All(loaded.Tensors.Unexpected, fun name -> Assert.StartsWith("encoder.layer.2.", name))

[<Fact>]
let ``missing, unexpected and mis-shaped tensors are listed in one line`` () =
    use _ = torch.NewDisposeScope()
    use folder = ModelFolder.make (fun config -> config["vocab_size"] <- 201) "bert/config.json" "unused"
    let tensors = Dictionary(Golden.tensors "encoders/bert/model.safetensors")
    tensors.Remove "encoder.layer.1.output.dense.bias" |> ignore
    tensors["encoder.layer.3.output.dense.bias"] <- torch.zeros [| 32L |]
    Safetensors.Save(folder.File "model.safetensors", tensors)

    match ModelFolder.load folder with
    | Ok _ -> Assert.Fail "loaded"
    | Error error ->
        let message = GlemError.message error
        Assert.Contains("1 missing (encoder.layer.1.output.dense.bias)", message)

        Assert.Contains(
            "1 of another shape or type (embeddings.word_embeddings.weight [200; 32] for [201; 32])",
            message
        )

        Assert.Contains("1 unexpected (encoder.layer.3.output.dense.bias)", message)
        Assert.DoesNotContain("\n", message)

[<Fact>]
let ``two tensors for one weight are refused by name`` () =
    use _ = torch.NewDisposeScope()
    use folder = ModelFolder.make ignore "bert/config.json" "unused"
    let tensors = Dictionary(Golden.tensors "encoders/bert/model.safetensors")
    tensors["embeddings.LayerNorm.gamma"] <- torch.zeros [| 32L |]
    Safetensors.Save(folder.File "model.safetensors", tensors)

    match ModelFolder.load folder with
    | Error(InFile(_, "tensor 'embeddings.LayerNorm.weight'", found, _))
    | Error(InFile(_, "tensor 'embeddings.LayerNorm.gamma'", found, _)) ->
        Assert.Contains("embeddings.LayerNorm", found)
    | other -> Assert.Fail $"%A{other}"

[<Theory>]
[<InlineData("{\"weight_map\": {\"a\": \"../bert/model.safetensors\"}}", "../bert/model.safetensors")>]
[<InlineData("{\"weight_map\": {\"a\": \"gone.safetensors\"}}", "gone.safetensors")>]
[<InlineData("{\"weight_map\": {\"a\": \"part.safetensors\"}}", "nothing")>]
[<InlineData("{\"weight_map\": {\"a\": 1}}", "no text")>]
[<InlineData("{}", "nothing")>]
[<InlineData("[]", "something else")>]
let ``an index of shards that leads astray is refused`` (index: string, found: string) =
    use folder = ModelFolder.make ignore "bert/model.safetensors" "part.safetensors"
    File.WriteAllText(folder.File "model.safetensors.index.json", index)

    match ModelFolder.load folder with
    | Error(InFile(_, _, actual, _)) -> Assert.Contains(found, actual)
    | other -> Assert.Fail $"%A{other}"

[<Fact>]
let ``a folder that is no model says what is missing`` () =
    use folder = new TemporaryFolder()

    let found () =
        match ModelFolder.load folder with
        | Error(InFile(_, "", found, _)) -> found
        | other -> failwith $"%A{other}"

    Assert.Equal("no config.json", found ())
    ModelFolder.place folder "bert/config.json" "config.json"
    Assert.Equal("no file of weights", found ())

    match PretrainedModel.load (folder.File "absent") with
    | Error(InFile(_, "", "no folder", _)) -> ()
    | other -> Assert.Fail $"%A{other}"
