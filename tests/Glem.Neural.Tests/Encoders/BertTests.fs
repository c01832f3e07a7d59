module Glem.Neural.Tests.BertTests

open System
open System.IO
open Glem
open TorchSharp
open Xunit

let private positions = 64
let private positionTable = "embeddings.position_embeddings.weight"
let private typeTable = "embeddings.token_type_embeddings.weight"

let private config folder =
    let file = SharedFiles.file $"fixtures/encoders/%s{folder}/config.json"
    BertConfig.ofJson file (File.ReadAllText file)

/// GLEM reads single texts, all of token type 0, where the golden run has pairs. A second half of the position table,
/// position + (type 1 - type 0), stands for the tokens of type 1.
let private weights () : Weights =
    let isUsed (name: string) = not (name.StartsWith "pooler" || name.EndsWith "position_ids")

    let golden =
        Golden.weights (fun name -> if isUsed name then Some name else None) "encoders/bert/model.safetensors"

    let table, types = golden[positionTable], golden[typeTable]
    let d = int table.Shape[1]

    let second =
        table.Values |> Array.mapi (fun i value -> value + types.Values[d + i % d] - types.Values[i % d])

    let both = {
        Shape = [| 2L * table.Shape[0]; table.Shape[1] |]
        Values = Array.append table.Values second
    }

    let all = Collections.Generic.Dictionary golden
    all[positionTable] <- both
    all

/// The golden texts without their padding, and where each of their tokens is in the padded batch.
let private batch () =
    let io = Golden.tensors "encoders/bert/io.safetensors"
    let longs (name: string) = io[name].data<int64>().ToArray()
    let ids, mask, types = longs "input_ids", longs "attention_mask", longs "token_type_ids"
    let width = ids.Length / 3

    let real = [|
        for i in 0 .. ids.Length - 1 do
            if mask[i] = 1L then
                i
    |]

    let sequences =
        real
        |> Array.groupBy (fun i -> i / width)
        |> Array.map (fun (_, at) -> ReadOnlyMemory(at |> Array.map (fun i -> int ids[i])))

    let plain = PackedBatch.ofSequences torch.CPU sequences
    let filler = Array.zeroCreate<int64>(int plain.Ids.shape[0] - real.Length)
    let shift = torch.tensor (Array.append (real |> Array.map (fun i -> int64 positions * types[i])) filler)

    let expected =
        (io["last_hidden_state"].reshape([| int64 ids.Length; -1L |]))
            .index_select(0L, torch.tensor (real |> Array.map int64))

    {
        plain with
            Positions = plain.Positions.add shift
    },
    Golden.floats expected,
    int64 ids.Length

/// States of the texts' own tokens, without the batch's filler.
let private states precision (p: Parameters) (batch: PackedBatch) =
    let compute = Golden.cpu precision
    let states = Bert.forward (config "bert" |> Result.orRaise) compute.Dtype p "" Evaluating batch
    let tokens = batch.Offsets.data<int>().ToArray()[batch.TextCount]
    states.narrow (0L, 0L, int64 tokens)

[<Fact>]
let ``the encoder computes Hugging Face's BertModel, without padding`` () =
    use _ = torch.NewDisposeScope()
    use p = Parameters.Create(Golden.cpu Precision.Float32, Bert.role, weights ())
    let batch, expected, _ = batch ()

    states Precision.Float32 p batch
    |> Golden.floats
    |> Golden.agree "last hidden state" 5e-5 1e-4 expected

[<Fact>]
let ``in bfloat16 the encoder stays within a bfloat16 encoder's rounding of Hugging Face's`` () =
    use _ = torch.NewDisposeScope()
    use p = Parameters.Create(Golden.cpu Precision.BFloat16, Bert.role, weights ())
    let batch, expected, _ = batch ()
    let actual = states Precision.BFloat16 p batch |> Golden.floats
    // Eight bits of mantissa: 0.004 of each entry and product, through three layers whose states reach 3.7.
    Golden.agree "last hidden state" 0.12 0.02 expected actual
    let mean = Array.map2 (fun x y -> abs (float x - float y)) expected actual |> Array.average
    Assert.InRange(mean, 0.0, 0.02)

[<Fact>]
let ``every parameter of the encoder gets Hugging Face's gradient`` () =
    use _ = torch.NewDisposeScope()
    use p = Parameters.Create(Golden.cpu Precision.Float32, Bert.role, weights ())
    let batch, _, tokens = batch ()
    let states = states Precision.Float32 p batch
    let golden = Golden.tensors "encoders/bert/grads.safetensors"
    // The golden loss is a mean that counts padded entries as zeros.
    let loss = states.square().sum() / float32 (tokens * states.shape[1])
    let io = Golden.tensors "encoders/bert/io.safetensors"
    Golden.agree "loss" 1e-5 0.0 (Golden.floats io["loss"]) (Golden.floats loss)
    loss.backward ()

    let halves = (Golden.gradient p[positionTable]) |> Array.splitInto 2
    let d = int states.shape[1]

    let columnSums (rows: float32[]) =
        Array.init d (fun j -> Seq.sum (seq { for i in j..d .. rows.Length - 1 -> rows[i] }))

    let actual name =
        if name = positionTable then
            Array.map2 (+) halves[0] halves[1]
        elif name = typeTable then
            Array.append (columnSums halves[0]) (columnSums halves[1])
        else
            Golden.gradient p[name]

    Assert.Equal<string seq>(Seq.sort p.Names, Seq.sort golden.Keys)

    for pair in golden do
        // A key bias moves all of a query's scores alike: its gradient is 0 but for rounding.
        Golden.agreeToLargest pair.Key 1e-4 1e-3 (Golden.floats pair.Value) (actual pair.Key)

[<Fact>]
let ``an activation that the encoder lacks is refused by name`` () =
    match config "bert_gelu_new" with
    | Error(InFile(_, "key 'hidden_act'", "gelu_new", "gelu")) -> ()
    | other -> Assert.Fail $"%A{other}"

[<Theory>]
[<InlineData("hidden_size", "\"wide\"")>]
[<InlineData("hidden_size", "32.5")>]
[<InlineData("num_attention_heads", "5")>]
[<InlineData("model_type", "\"roberta\"")>]
[<InlineData("position_embedding_type", "\"relative_key\"")>]
let ``a config.json that does not fit is refused by key and value`` (key: string, value: string) =
    let config =
        BertConfig.toNode {
            VocabularySize = 10
            Hidden = 8
            Layers = 1
            Heads = 2
            Intermediate = 8
            Positions = 8
            TokenTypes = 2
            HiddenDropout = 0.1
            AttentionDropout = 0.1
            LayerNormEpsilon = 1e-12
            InitializerRange = 0.02
        }

    config[key] <- Text.Json.Nodes.JsonNode.Parse value

    match BertConfig.ofJson "config.json" (config.ToJsonString()) with
    | Error(InFile("config.json", place, found, _)) ->
        Assert.Equal($"key '%s{key}'", place)
        Assert.Equal(value.Trim '"', found.Trim '"')
    | other -> Assert.Fail $"%A{other}"
