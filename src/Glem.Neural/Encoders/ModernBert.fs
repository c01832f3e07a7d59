namespace Glem

open System.Text.Json.Nodes
open TorchSharp
open Glem.Torch.Extensions

/// The shape of a ModernBERT encoder.
type ModernBertConfig = {
    /// HiddenDropout is the feed-forward layers'.
    Shape: EncoderShape
    EmbeddingDropout: float
    /// Every this many layers, from the first on, attention is global; in between it is local.
    GlobalEvery: int
    /// Tokens that a local layer sees, half of them to each side.
    Window: int
    GlobalTheta: float
    LocalTheta: float
    /// Tokens that open, end and fill a text; they are carried along in config.json.
    PadId: int
}

/// ModernBERT (Warner et al. 2024): pre-norm layers without biases, rotary positions, gated feed-forward layers, and
/// attention that is global in every third layer. Hugging Face's ModernBertModel names and numerics.
module ModernBert =
    let private embeddings: EmbeddingNames = {
        Words = "embeddings.tok_embeddings"
        Positions = None
        Segments = None
        Norm = "embeddings.norm"
    }

    let private at (layer: int) (part: string) = $"layers.%d{layer}.%s{part}"

    let specs (config: ModernBertConfig) = [
        let shape = config.Shape
        let d = shape.Hidden
        WeightSpec.table embeddings.Words shape.VocabularySize d
        WeightSpec.scale embeddings.Norm d

        for layer in 0 .. shape.Layers - 1 do
            // The embeddings' norm is the first layer's.
            if layer > 0 then
                WeightSpec.scale (at layer "attn_norm") d

            WeightSpec.matrix (at layer "attn.Wqkv") [ 3 * d; d ]
            WeightSpec.matrix (at layer "attn.Wo") [ d; d ]
            WeightSpec.scale (at layer "mlp_norm") d
            WeightSpec.matrix (at layer "mlp.Wi") [ 2 * shape.Intermediate; d ]
            WeightSpec.matrix (at layer "mlp.Wo") [ d; shape.Intermediate ]

        WeightSpec.scale "final_norm" d
    ]

    /// Cosines and sines of rotary positions (Su et al. 2021) : [t; w / 2] each, of heads w wide.
    let private rotations (theta: float) (width: int) (batch: PackedBatch) =
        let frequency k = float32 (1.0 / System.Math.Pow(theta, float (2 * k) / float width))
        let frequencies = torch.tensor(Array.init (width / 2) frequency).``to`` batch.Ids.device
        let angles = (batch.Positions.``to`` torch.ScalarType.Float32).unsqueeze 1L * frequencies
        angles.cos (), angles.sin ()

    let forward (pass: Pass) (config: ModernBertConfig) (batch: PackedBatch) =
        let shape = config.Shape
        let heads, width = int64 shape.Heads, shape.Hidden / shape.Heads
        let reach = config.Window / 2
        let norm name x = Layers.norm (pass.Weight name) null shape.LayerNormEpsilon x
        let isGlobal layer = layer % config.GlobalEvery = 0
        let near = rotations config.LocalTheta width batch
        let far = rotations config.GlobalTheta width batch

        let attend layer (x: Tensor) =
            let mixed = Layers.product pass (at layer "attn.Wqkv") x // [t; 3d]
            let angles, reach = if isGlobal layer then far, None else near, Some(int64 reach)
            let qkv = Ops.Rotary(mixed, fst angles, snd angles, heads)
            let struct (rate, seed) = pass.Dropping shape.AttentionDropout
            Ops.Attention(qkv, batch.Offsets, heads, rate, seed, Option.toNullable reach)

        let dropping rate (x: Tensor) =
            let struct (rate, seed) = pass.Dropping rate
            if rate = 0.0 then x else Ops.Dropout(x, rate, seed)

        // The sum that layers add to stays in float32: nothing norms it on its way.
        let add (x: Tensor) (branch: Tensor) = x + branch.``to`` torch.ScalarType.Float32
        let narrow (x: Tensor) = x.``to`` pass.Dtype

        let layer (x: Tensor) index =
            pass.Layer(fun () ->
                let normed = if index = 0 then x else norm (at index "attn_norm") x
                let attended = attend index (narrow normed) |> Layers.product pass (at index "attn.Wo")
                let x = add x (dropping shape.AttentionDropout attended)
                let wide = norm (at index "mlp_norm") x |> narrow |> Layers.product pass (at index "mlp.Wi")
                let halves = wide.chunk (2L, -1L) // [t; i] each
                let gated = Activation.apply shape.Activation halves[0] * halves[1]
                add x (dropping shape.HiddenDropout gated |> Layers.product pass (at index "mlp.Wo")))

        let embed () =
            let states =
                Layers.embed pass embeddings None config.EmbeddingDropout shape.LayerNormEpsilon batch.Positions batch

            states.``to`` torch.ScalarType.Float32

        Seq.fold layer (pass.Layer embed) (seq { 0 .. shape.Layers - 1 }) |> norm "final_norm" |> narrow

    let read (config: ConfigFile) : ModernBertConfig =
        for key in [ "attention_bias"; "mlp_bias"; "norm_bias" ] do
            ConfigFile.only config key "false"

        for key in [ "rope_parameters"; "layer_types" ] do
            match ConfigFile.find config key with
            | Some value ->
                ConfigFile.refuse
                    config
                    key
                    (value.ToJsonString())
                    "global_rope_theta, local_rope_theta and global_attn_every_n_layers"
            | None -> ()

        let hidden, heads = ConfigFile.widthAndHeads config "hidden_size" "num_attention_heads"

        if hidden / heads % 2 <> 0 then
            ConfigFile.refuse config "num_attention_heads" (string heads) "heads of even width, as their halves rotate"

        let globalTheta = ConfigFile.floatOr 160000.0 config "global_rope_theta"

        {
            Shape = {
                VocabularySize = ConfigFile.size config "vocab_size"
                Hidden = hidden
                Layers = ConfigFile.layers config "num_hidden_layers"
                Heads = heads
                Intermediate = ConfigFile.size config "intermediate_size"
                Positions = ConfigFile.size config "max_position_embeddings"
                TokenTypes = 0
                Activation = ConfigFile.activation "gelu" config "hidden_activation"
                HiddenDropout = ConfigFile.rate 0.0 config "mlp_dropout"
                AttentionDropout = ConfigFile.rate 0.0 config "attention_dropout"
                LayerNormEpsilon = ConfigFile.floatOr 1e-5 config "norm_eps"
                InitializerRange = ConfigFile.floatOr 0.02 config "initializer_range"
            }
            EmbeddingDropout = ConfigFile.rate 0.0 config "embedding_dropout"
            GlobalEvery = max 1 (ConfigFile.intOr 3 config "global_attn_every_n_layers")
            Window = max 0 (ConfigFile.intOr 128 config "local_attention")
            GlobalTheta = globalTheta
            LocalTheta = ConfigFile.floatOr globalTheta config "local_rope_theta"
            PadId = ConfigFile.intOr 50283 config "pad_token_id"
        }

    let toNode (config: ModernBertConfig) =
        let shape = config.Shape
        let json = JsonObject()
        json["architectures"] <- JsonArray(JsonValue.Create "ModernBertModel")
        json["model_type"] <- "modernbert"
        json["vocab_size"] <- shape.VocabularySize
        json["hidden_size"] <- shape.Hidden
        json["num_hidden_layers"] <- shape.Layers
        json["num_attention_heads"] <- shape.Heads
        json["intermediate_size"] <- shape.Intermediate
        json["max_position_embeddings"] <- shape.Positions
        json["hidden_activation"] <- Activation.name shape.Activation
        json["mlp_dropout"] <- shape.HiddenDropout
        json["attention_dropout"] <- shape.AttentionDropout
        json["embedding_dropout"] <- config.EmbeddingDropout
        json["norm_eps"] <- shape.LayerNormEpsilon
        json["initializer_range"] <- shape.InitializerRange
        json["global_attn_every_n_layers"] <- config.GlobalEvery
        json["local_attention"] <- config.Window
        json["global_rope_theta"] <- config.GlobalTheta
        json["local_rope_theta"] <- config.LocalTheta
        json["attention_bias"] <- false
        json["mlp_bias"] <- false
        json["norm_bias"] <- false
        json["pad_token_id"] <- config.PadId
        json
