namespace Glem

/// The sizes and rates that every encoder has, whatever Hugging Face's config.json of its family calls them.
type EncoderShape = {
    VocabularySize: int
    /// d, a multiple of Heads.
    Hidden: int
    Layers: int
    Heads: int
    /// Width of the feed-forward layer.
    Intermediate: int
    /// Rows of the position table, or what the longest sequence in pre-training was.
    Positions: int
    /// Segments that texts may have; 0 where the encoder knows none.
    TokenTypes: int
    Activation: Activation
    HiddenDropout: float
    AttentionDropout: float
    LayerNormEpsilon: float
    /// Standard deviation of the initial weights.
    InitializerRange: float
}

/// The part of config.json that BERT, RoBERTa, ELECTRA and the DeBERTas call by the same names.
module EncoderShape =
    open System.Text.Json.Nodes

    let read (epsilon: float) (config: ConfigFile) : EncoderShape =
        let hidden, heads = ConfigFile.widthAndHeads config "hidden_size" "num_attention_heads"

        {
            VocabularySize = ConfigFile.size config "vocab_size"
            Hidden = hidden
            Layers = ConfigFile.layers config "num_hidden_layers"
            Heads = heads
            Intermediate = ConfigFile.size config "intermediate_size"
            Positions = ConfigFile.size config "max_position_embeddings"
            TokenTypes = max 0 (ConfigFile.intOr 0 config "type_vocab_size")
            Activation = ConfigFile.activation "gelu" config "hidden_act"
            HiddenDropout = ConfigFile.rate 0.1 config "hidden_dropout_prob"
            AttentionDropout = ConfigFile.rate 0.1 config "attention_probs_dropout_prob"
            LayerNormEpsilon = ConfigFile.floatOr epsilon config "layer_norm_eps"
            InitializerRange = ConfigFile.floatOr 0.02 config "initializer_range"
        }

    /// The keys that `read` reads, behind the class and the family.
    let toNode (architecture: string) (family: string) (shape: EncoderShape) =
        let json = JsonObject()
        let set (key: string) (value: JsonNode | null) = json.Add(key, value)
        set "architectures" (JsonArray(JsonValue.Create architecture))
        set "model_type" (JsonValue.Create family)
        set "vocab_size" (JsonValue.Create shape.VocabularySize)
        set "hidden_size" (JsonValue.Create shape.Hidden)
        set "num_hidden_layers" (JsonValue.Create shape.Layers)
        set "num_attention_heads" (JsonValue.Create shape.Heads)
        set "intermediate_size" (JsonValue.Create shape.Intermediate)
        set "max_position_embeddings" (JsonValue.Create shape.Positions)
        set "type_vocab_size" (JsonValue.Create shape.TokenTypes)
        set "hidden_act" (JsonValue.Create(Activation.name shape.Activation))
        set "hidden_dropout_prob" (JsonValue.Create shape.HiddenDropout)
        set "attention_probs_dropout_prob" (JsonValue.Create shape.AttentionDropout)
        set "layer_norm_eps" (JsonValue.Create shape.LayerNormEpsilon)
        set "initializer_range" (JsonValue.Create shape.InitializerRange)
        json
