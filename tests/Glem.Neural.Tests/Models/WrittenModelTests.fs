/// What we write, beside what Hugging Face's library wrote of the same models (shared/fixtures/encoders/*_seqcls).
module Glem.Neural.Tests.WrittenModelTests

open System
open System.Buffers.Binary
open System.IO
open System.Text.Json
open System.Text.Json.Nodes
open Glem
open Xunit

let classifiers = GoldenEncoder.folders _.Contains("_seqcls")

let private parse (text: string) = (JsonNode.Parse text |> nonNull).AsObject()

/// The keys of config.json that no encoder reads: the library's own notes, special ids (the tokenizer says them), and what its
/// heads do between pooling and the last layer.
let private outside =
    set [
        "transformers_version"
        "use_cache"
        "bos_token_id"
        "eos_token_id"
        "cls_token_id"
        "sep_token_id"
        "classifier_activation"
        "classifier_bias"
        "classifier_dropout"
        "classifier_pooling"
        "decoder_bias"
        "deterministic_flash_attn"
        "gradient_checkpointing"
        "initializer_cutoff_factor"
        "pooler_dropout"
        "pooler_hidden_act"
        "pooler_hidden_size"
        "qa_dropout"
        "repad_logits_with_grad"
        "seq_classif_dropout"
        "sinusoidal_pos_embds"
        "sparse_pred_ignore_index"
        "sparse_prediction"
        "summary_activation"
        "summary_last_dropout"
        "summary_type"
        "summary_use_proj"
        "tie_word_embeddings"
    ]

/// ModernBERT's keys of the base class, whose values its code does not read.
let private unread = set [ "layer_norm_eps"; "position_embedding_type" ]

/// A value as it is compared: numbers by value, the hub's "c2p|p2c" and the list alike, no bound on positions as the table's.
let private meaning (config: JsonObject) (key: string) : string =
    let number (node: JsonNode) = node.ToJsonString() |> float

    match config[key] with
    | null -> "null"
    | node when key = "max_relative_positions" && number node < 1.0 ->
        string (number (nonNull config["max_position_embeddings"]))
    | :? JsonArray as terms when key = "pos_att_type" -> terms |> Seq.map string |> Seq.sort |> String.concat "|"
    | node when key = "pos_att_type" -> node.ToString().Split '|' |> Array.sort |> String.concat "|"
    | node when node.GetValueKind() = JsonValueKind.Number -> string (number node)
    | node -> node.ToJsonString()

/// A safetensors header, read here byte by byte: its length in bytes, and its JSON.
let private header (path: string) =
    let bytes = File.ReadAllBytes path
    let length = int (BinaryPrimitives.ReadUInt64LittleEndian(ReadOnlySpan(bytes, 0, 8)))
    length, parse (Text.Encoding.UTF8.GetString(bytes, 8, length)), bytes.Length - 8 - length

/// Dtype and shape of every tensor.
let private tensors (json: JsonObject) =
    dict [
        for pair in json do
            if pair.Key <> "__metadata__" then
                let entry = nonNull pair.Value
                pair.Key, (string entry["dtype"], (nonNull entry["shape"]).ToJsonString())
    ]

/// The tokenizers' fixture of a family.
let private tokenizerOf encoder =
    match encoder with
    | Encoder.Roberta _ -> "roberta"
    | Encoder.Deberta _
    | Encoder.DebertaV2 _ -> "unigram-deberta-style"
    | Encoder.ModernBert _ -> "bytelevel-modernbert-style"
    | _ -> "bert-uncased"

let private tokenizer encoder =
    SharedFiles.file $"fixtures/tokenizers/%s{tokenizerOf encoder}/tokenizer_config.json"
    |> Path.GetDirectoryName
    |> nonNull
    |> TokenizerFolder.load
    |> Result.orRaise

/// A tokenizer.json's tokens by name, each with its id or, in a Unigram, its score, but for added ones, which may stand among
/// them or in a list of their own alone.
let private vocabulary (json: JsonObject) : (string * float) list =
    let number (node: JsonNode | null) = (nonNull node).ToJsonString() |> float

    let added =
        set [
            for token in (nonNull json["added_tokens"]).AsArray() -> (nonNull token)["content"] |> string
        ]

    match (nonNull json["model"])["vocab"] with
    | :? JsonObject as ids -> [ for pair in ids -> pair.Key, number pair.Value ]
    | scores -> [
        for pair in (nonNull scores).AsArray() do
            let pair = (nonNull pair).AsArray()
            string pair[0], number pair[1]
      ]
    |> List.filter (fun (name, _) -> not (added.Contains name))
    |> List.sort

/// Saves the golden encoder under a head of ours, five classes wide, and shows the folder.
let private written folder projection (look: LanguageModel -> string -> unit) =
    let pretrained = GoldenEncoder.folder folder |> PretrainedModel.load |> Result.orRaise

    let model = {
        TinyTask.lm with
            Encoder = pretrained.Encoder
            Pooling = Cls
            Projection = projection
            Classes = 5
    }

    use place = new TemporaryFolder()

    Checkpoint.saveLm (place.File "lm") {
        Model = model
        Weights = LanguageModel.withNewHead TinyTask.key model pretrained.Weights
        Tokenizer = tokenizer pretrained.Encoder
        ClassNames = Array.init 5 (sprintf "LABEL_%d")
        MaxTokens = 40
    }

    look model (place.File "lm")

[<Theory; MemberData(nameof classifiers)>]
let ``a written model's tensors bear the names, types and shapes of Hugging Face's classifier, the head's last layer included``
    (folder: string)
    =
    written folder 0 (fun model place ->
        let _, golden, _ = header (ModelFolder.golden $"%s{folder}/model.safetensors")
        let golden = tensors golden
        let _, json, _ = header (Path.Combine(place, "model.safetensors"))
        let ours = tensors json
        Assert.NotEmpty ours

        for pair in ours do
            Assert.True(golden.ContainsKey pair.Key, $"%s{pair.Key} is no tensor of the classifier's")
            Assert.Equal<string * string>(golden[pair.Key], pair.Value)

        // What is absent: buffers, poolers and the layers of heads that GLEM has not.
        let absent = golden.Keys |> Seq.filter (ours.ContainsKey >> not) |> Seq.toList
        let prefix = Encoder.prefix model.Encoder

        for name in absent do
            let isHead = not (name.StartsWith prefix)
            Assert.True(isHead || name.Contains "pooler" || name.EndsWith "position_ids", $"%s{name} is missing"))

[<Theory; MemberData(nameof classifiers)>]
let ``its file is laid out as the reference library lays it out`` (folder: string) =
    written folder 0 (fun _ place ->
        let length, json, size = header (Path.Combine(place, "model.safetensors"))
        Assert.Equal(0, length % 8)
        Assert.Equal("""{"format":"pt"}""", (nonNull json["__metadata__"]).ToJsonString())

        let ends =
            [
                for pair in json do
                    if pair.Key <> "__metadata__" then
                        let entry = nonNull pair.Value
                        let offsets = (nonNull entry["data_offsets"]).AsArray()
                        let at (i: int) = (nonNull offsets[i]).GetValue<int>()

                        let elements =
                            Seq.fold
                                (fun count (n: JsonNode | null) -> count * (nonNull n).GetValue<int>())
                                1
                                ((nonNull entry["shape"]).AsArray())

                        Assert.Equal(4 * elements, at 1 - at 0)
                        Assert.Equal(0, at 0 % 4)
                        at 0, at 1
            ]
            |> List.sort

        // End to end, from the first byte to the last.
        let last =
            ends
            |> List.fold
                (fun position (first, next) ->
                    Assert.Equal(position, first)
                    next)
                0

        Assert.Equal(size, last))

[<Theory; MemberData(nameof classifiers)>]
let ``its config.json says what Hugging Face's says, and else only keys of our own`` (folder: string) =
    let golden = File.ReadAllText(ModelFolder.golden $"%s{folder}/config.json") |> parse

    written folder 0 (fun model place ->
        let ours = File.ReadAllText(Path.Combine(place, "config.json")) |> parse
        let isModern = model.Encoder.IsModernBert

        // Dropout is the recipe's.
        let dropouts =
            set [
                "attention_probs_dropout_prob"
                "hidden_dropout_prob"
                "dropout"
                "attention_dropout"
                "embedding_dropout"
                "mlp_dropout"
            ]

        for pair in golden do
            if not (outside.Contains pair.Key || isModern && unread.Contains pair.Key) then
                Assert.True(ours.ContainsKey pair.Key, $"%s{pair.Key} is missing")

                if not (dropouts.Contains pair.Key) then
                    Assert.Equal(meaning golden pair.Key, meaning ours pair.Key)

        for pair in ours do
            Assert.True(golden.ContainsKey pair.Key || pair.Key.StartsWith "glem_", $"%s{pair.Key} is nobody's"))

[<Theory; MemberData(nameof classifiers)>]
let ``its tokenizer's files have the reference's keys, special tokens and vocabulary`` (folder: string) =
    written folder 0 (fun model place ->
        let files = Directory.GetFiles place |> Array.map (Path.GetFileName >> string) |> Array.sort

        Assert.Equal<string>(
            [|
                "config.json"
                "model.safetensors"
                "tokenizer.json"
                "tokenizer_config.json"
            |],
            files
        )

        let reference = $"fixtures/tokenizers/%s{tokenizerOf model.Encoder}"
        let ours = File.ReadAllText(Path.Combine(place, "tokenizer.json")) |> parse

        match SharedFiles.tryFile $"%s{reference}/tokenizer.json" with
        | None -> Assert.Equal("roberta", tokenizerOf model.Encoder)
        | Some file ->
            let golden = File.ReadAllText file |> parse
            Assert.Equal<string>(golden |> Seq.map _.Key |> Seq.sort, ours |> Seq.map _.Key |> Seq.sort)
            let kind (json: JsonObject) = (nonNull json["model"])["type"] |> string
            Assert.Equal(kind golden, kind ours)
            Assert.Equal<(string * float) list>(vocabulary golden, vocabulary ours)

        let config = File.ReadAllText(Path.Combine(place, "tokenizer_config.json")) |> parse
        let golden = File.ReadAllText(SharedFiles.file $"%s{reference}/tokenizer_config.json") |> parse

        for key in [ "pad_token"; "unk_token"; "cls_token"; "sep_token"; "mask_token" ] do
            match golden[key] with
            | null -> ()
            | token -> Assert.Equal(string token, string config[key]))

[<Fact>]
let ``a projected model is written as its encoder, as no classifier of the library's reads a projection`` () =
    written "bert_seqcls" 7 (fun _ place ->
        let config = File.ReadAllText(Path.Combine(place, "config.json")) |> parse
        Assert.Equal("""["BertModel"]""", (nonNull config["architectures"]).ToJsonString())
        let _, json, _ = header (Path.Combine(place, "model.safetensors"))
        let ours = tensors json
        Assert.Equal<string * string>(("F32", "[7,32]"), ours["projection.weight"])
        Assert.Equal<string * string>(("F32", "[7]"), ours["projection.bias"])
        Assert.Equal<string * string>(("F32", "[5,7]"), ours["classifier.weight"])
        // The encoder is found in it as in any folder.
        Assert.True((PretrainedModel.load place).IsOk))
