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

let classifiers = GoldenEncoder.folders _.Contains("_seqcls")

/// What Hugging Face's classifiers have and GLEM's language model has not: their own way to pool.
let private isHead (name: string) =
    [ "pooler."; "pre_classifier."; "classifier."; "head." ] |> List.exists name.Contains

[<Theory; MemberData(nameof classifiers)>]
let ``a model is written under the names, shapes and keys that Hugging Face's library wrote`` (name: string) =
    use _ = torch.NewDisposeScope()
    use folder = new TemporaryFolder()
    let loaded = GoldenEncoder.folder name |> PretrainedModel.load |> Result.orRaise

    let model = {
        TinyTask.lm with
            Encoder = loaded.Encoder
            Classes = 5
    }

    Checkpoint.saveLm (folder.File "") {
        Model = model
        Weights = LanguageModel.withNewHead TinyTask.key model loaded.Weights
        Tokenizer =
            WordPieceTrainer.train WordPieceTrainer.defaults [| "any text will do"; "for any tokenizer" |]
            |> Result.orRaise
        ClassNames = Array.init 5 (fun k -> $"LABEL_%d{k}")
        MaxTokens = 16
    }

    let golden = Golden.tensors $"encoders/%s{name}/model.safetensors"
    let written = Safetensors.Load(folder.File "model.safetensors")
    let isEncoder (key: string) = not (isHead key || key.EndsWith "position_ids")

    Assert.Equal<string seq>(
        golden.Keys |> Seq.filter isEncoder |> Seq.sort,
        written.Keys |> Seq.filter isEncoder |> Seq.sort
    )

    for pair in written do
        match GoldenEncoder.find golden pair.Key with
        | Some tensor when isEncoder pair.Key ->
            Assert.Equal<int64>(tensor.shape, pair.Value.shape)
            Assert.Equal<float32>(Golden.floats tensor, Golden.floats pair.Value)
        | _ -> ()

    let parse path = (JsonNode.Parse(File.ReadAllText path) |> nonNull).AsObject()
    let theirs = parse (SharedFiles.file $"fixtures/encoders/%s{name}/config.json")
    let ours = parse (folder.File "config.json")

    // How often DeBERTa's terms and a maximum of -1 are written is free.
    for pair in ours do
        if theirs.ContainsKey pair.Key && pair.Key <> "pos_att_type" && pair.Key <> "max_relative_positions" then
            let text (node: JsonNode | null) = (nonNull node).ToJsonString()

            Assert.True(
                (text theirs[pair.Key] = text pair.Value || float (text theirs[pair.Key]) = float (text pair.Value)),
                pair.Key
            )
