module Glem.Neural.Tests.EncoderPartsTests

open System.IO
open System.Text.Json.Nodes
open Glem
open TorchSharp
open Xunit

let private json (path: string) =
    JsonNode.Parse(File.ReadAllText(SharedFiles.file $"fixtures/encoders/%s{path}")) |> nonNull

let private numbers (node: JsonNode | null) = [|
    for item in (nonNull node).AsArray() -> (nonNull item).GetValue<float>()
|]

[<Fact>]
let ``activations are Hugging Face's under every name that it has for them`` () =
    use _ = torch.NewDisposeScope()
    let golden = json "activations.json"
    let x = torch.tensor (numbers golden["x"] |> Array.map float32)

    let known = [
        for pair in golden.AsObject() do
            match Activation.tryParse pair.Key with
            | Some activation -> pair.Key, activation
            | None -> ()
    ]

    Assert.Equal(8, known.Length)

    for name, activation in known do
        let expected = numbers golden[name] |> Array.map float32
        Golden.agree name 2e-6 1e-5 expected (Activation.apply activation x |> Golden.floats)

        let biased =
            Activation.applyBiased activation (x - 1.0f) (torch.ones [| 1L |] |> fun one -> one.expand x.shape)

        Golden.agree $"biased %s{name}" 2e-6 1e-5 expected (Golden.floats biased)

[<Fact>]
let ``relative positions fall into DeBERTa's buckets`` () =
    for pair in (json "deberta_v2_buckets.json").AsObject() do
        let sizes = pair.Key.Split([| '='; ',' |])
        let buckets, longest = int sizes[1], int sizes[3]
        let golden = nonNull pair.Value
        let first = (nonNull golden["first_relative_position"]).GetValue<int>()
        let expected = numbers golden["buckets"] |> Array.map int
        Assert.Equal<int>(expected, Array.init expected.Length (fun i -> DebertaV2.bucket buckets longest (first + i)))

[<Fact>]
let ``a batch of long texts is cut into rectangles that compute the same`` () =
    use _ = torch.NewDisposeScope()
    let encoder = GoldenEncoder.encoder "deberta_relpos8"
    use generator = Generator.ofKey (Key.ofSeed 1)

    use p =
        Parameters.Create(Golden.cpu Precision.Float32, Encoder.role encoder, Encoder.initial encoder generator)

    let texts =
        Array.init 9 (fun i -> System.ReadOnlyMemory(Array.init (900 + 50 * i) (fun j -> (i + 7 * j) % 200)))

    let states texts =
        let batch = PackedBatch.ofSequences torch.CPU texts
        let states = Encoder.forward encoder (Pass(p, "", torch.ScalarType.Float32, Evaluating, ignore)) batch
        Golden.floats (states.narrow (0L, 0L, int64 batch.Bounds[texts.Length]))

    use _ = torch.no_grad ()
    let batch = PackedBatch.ofSequences torch.CPU texts
    Assert.True((PaddedAttention.layout 4 batch).Groups.Length > 1)
    let alone = texts |> Array.collect (fun text -> states [| text |])
    Golden.agree "states" 2e-6 1e-5 alone (states texts)

[<Theory>]
[<InlineData("bert", "hidden_size", "\"wide\"")>]
[<InlineData("bert", "hidden_size", "32.5")>]
[<InlineData("bert", "hidden_size", "0")>]
[<InlineData("bert", "vocab_size", "2000000000")>]
[<InlineData("bert", "num_hidden_layers", "100000")>]
[<InlineData("bert", "num_attention_heads", "5")>]
[<InlineData("bert", "model_type", "\"gpt2\"")>]
[<InlineData("bert", "model_type", "null")>]
[<InlineData("bert", "hidden_act", "\"quick_gelu\"")>]
[<InlineData("bert", "hidden_dropout_prob", "1")>]
[<InlineData("bert", "position_embedding_type", "\"relative_key\"")>]
[<InlineData("roberta", "is_decoder", "true")>]
[<InlineData("roberta", "pad_token_id", "63")>]
[<InlineData("electra", "embedding_size", "\"small\"")>]
[<InlineData("distilbert", "n_heads", "7")>]
[<InlineData("deberta", "relative_attention", "false")>]
[<InlineData("deberta", "talking_head", "true")>]
[<InlineData("deberta", "pos_att_type", "\"p2p\"")>]
[<InlineData("deberta_v3", "norm_rel_ebd", "\"rms\"")>]
[<InlineData("deberta_v3", "position_buckets", "2")>]
[<InlineData("deberta_v2_conv", "conv_groups", "2")>]
[<InlineData("deberta_v2_conv", "conv_kernel_size", "4")>]
[<InlineData("modernbert", "attention_bias", "true")>]
[<InlineData("modernbert", "layer_types", "[\"full_attention\"]")>]
let ``what an encoder's config.json may not hold is refused by key and value``
    (folder: string, key: string, value: string)
    =
    let config = (json $"%s{folder}/config.json").AsObject()
    config[key] <- JsonNode.Parse value

    match Encoder.ofJson "config.json" (config.ToJsonString()) with
    | Error(InFile("config.json", place, found, expected)) ->
        Assert.Equal($"key '%s{key}'", place)
        Assert.Equal((if value = "null" then "nothing" else value.Trim '"'), found.Trim '"')
        Assert.NotEmpty expected
    | other -> Assert.Fail $"%A{other}"

[<Theory>]
[<InlineData("[]")>]
[<InlineData("{")>]
[<InlineData("{\"model_type\": \"bert\", \"model_type\": \"bert\"}")>]
let ``a config.json that is no JSON object is refused`` (text: string) =
    match Encoder.ofJson "config.json" text with
    | Error(InFile("config.json", _, _, _)) -> ()
    | other -> Assert.Fail $"%A{other}"
