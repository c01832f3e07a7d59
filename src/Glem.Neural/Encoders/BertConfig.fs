namespace Glem

open System.Text.Json
open System.Text.Json.Nodes

/// The shape of a BERT encoder (Devlin et al. 2019), as Hugging Face's config.json holds it.
type BertConfig = {
    VocabularySize: int
    /// d, a multiple of Heads.
    Hidden: int
    Layers: int
    Heads: int
    /// Width of the feed-forward layer.
    Intermediate: int
    /// Longest sequence, special tokens included.
    Positions: int
    TokenTypes: int
    HiddenDropout: float
    AttentionDropout: float
    LayerNormEpsilon: float
    /// Standard deviation of the initial weights.
    InitializerRange: float
}

module BertConfig =
    /// config.json's content, which Python's transformers reads.
    let toNode (config: BertConfig) =
        let json = JsonObject()
        let set (key: string) (value: JsonNode | null) = json.Add(key, value)
        set "architectures" (JsonArray(JsonValue.Create "BertModel"))
        set "model_type" (JsonValue.Create "bert")
        set "vocab_size" (JsonValue.Create config.VocabularySize)
        set "hidden_size" (JsonValue.Create config.Hidden)
        set "num_hidden_layers" (JsonValue.Create config.Layers)
        set "num_attention_heads" (JsonValue.Create config.Heads)
        set "intermediate_size" (JsonValue.Create config.Intermediate)
        set "max_position_embeddings" (JsonValue.Create config.Positions)
        set "type_vocab_size" (JsonValue.Create config.TokenTypes)
        set "hidden_act" (JsonValue.Create "gelu")
        set "hidden_dropout_prob" (JsonValue.Create config.HiddenDropout)
        set "attention_probs_dropout_prob" (JsonValue.Create config.AttentionDropout)
        set "layer_norm_eps" (JsonValue.Create config.LayerNormEpsilon)
        set "initializer_range" (JsonValue.Create config.InitializerRange)
        set "position_embedding_type" (JsonValue.Create "absolute")
        set "pad_token_id" (JsonValue.Create 0)
        json

    /// Reads config.json's text; `file` is named in errors. Options that this encoder lacks are refused by name.
    let ofJson (file: string) (text: string) : Result<BertConfig, GlemError> =
        let fail place found expected = raise (GlemException(InFile(file, place, found, expected)))

        try
            let json =
                match JsonNode.Parse text with
                | :? JsonObject as json -> json
                | _ -> fail "" "something else" "a JSON object"

            let find (key: string) = json[key] |> Option.ofObj

            let int key =
                let text = find key |> Option.map _.ToJsonString() |> Option.defaultValue "nothing"

                match System.Int32.TryParse text with
                | true, number -> number
                | _ -> fail $"key '%s{key}'" text "a whole number"

            let float key fallback =
                match find key with
                | Some node when node.GetValueKind() = JsonValueKind.Number -> node.GetValue<float>()
                | Some node -> fail $"key '%s{key}'" (node.ToJsonString()) "a number"
                | None -> fallback

            let only key expected =
                match find key with
                | Some node when node.ToString() <> expected -> fail $"key '%s{key}'" (node.ToString()) expected
                | _ -> ()

            only "model_type" "bert"
            only "hidden_act" "gelu"
            only "position_embedding_type" "absolute"

            let config = {
                VocabularySize = int "vocab_size"
                Hidden = int "hidden_size"
                Layers = int "num_hidden_layers"
                Heads = int "num_attention_heads"
                Intermediate = int "intermediate_size"
                Positions = int "max_position_embeddings"
                TokenTypes = int "type_vocab_size"
                HiddenDropout = float "hidden_dropout_prob" 0.1
                AttentionDropout = float "attention_probs_dropout_prob" 0.1
                LayerNormEpsilon = float "layer_norm_eps" 1e-12
                InitializerRange = float "initializer_range" 0.02
            }

            if config.Heads < 1 || config.Hidden % config.Heads <> 0 then
                fail "key 'num_attention_heads'" (string config.Heads) $"a divisor of hidden_size %d{config.Hidden}"

            Ok config
        with
        | GlemException error -> Error error
        | :? JsonException as problem -> Error(InFile(file, "", problem.Message, "JSON"))
