namespace Glem

open System.Text.Json.Nodes

/// DistilBERT (Sanh et al. 2019): BERT's layers under names and keys of its own, without segments.
module DistilBert =
    // Hard-coded in the reference implementation.
    let private epsilon = 1e-12

    let private embeddings = {
        Words = "embeddings.word_embeddings"
        Positions = Some "embeddings.position_embeddings"
        Segments = None
        Norm = "embeddings.LayerNorm"
    }

    let private at (layer: int) (part: string) = $"transformer.layer.%d{layer}.%s{part}"

    let private attentionNames layer =
        at layer "attention.q_lin", at layer "attention.k_lin", at layer "attention.v_lin"

    let private postNormNames layer = {
        Context = at layer "attention.out_lin"
        ContextNorm = at layer "sa_layer_norm"
        Wide = at layer "ffn.lin1"
        Narrow = at layer "ffn.lin2"
        Norm = at layer "output_layer_norm"
    }

    let specs (shape: EncoderShape) = [
        let d = shape.Hidden
        WeightSpec.table embeddings.Words shape.VocabularySize d
        WeightSpec.table "embeddings.position_embeddings" shape.Positions d
        yield! WeightSpec.norm embeddings.Norm d

        for layer in 0 .. shape.Layers - 1 do
            let query, key, value = attentionNames layer
            let names = postNormNames layer

            for part in [ query; key; value; names.Context ] do
                yield! WeightSpec.linear part d d

            yield! WeightSpec.norm names.ContextNorm d
            yield! WeightSpec.linear names.Wide shape.Intermediate d
            yield! WeightSpec.linear names.Narrow d shape.Intermediate
            yield! WeightSpec.norm names.Norm d
    ]

    let forward (pass: Pass) (shape: EncoderShape) (batch: PackedBatch) =
        let embed () =
            let shift = Some(pass.Bias embeddings.Norm)
            Layers.embed pass embeddings shift shape.HiddenDropout epsilon batch.Positions batch

        let layer x index =
            pass.Layer(fun () ->
                let context = Layers.attend pass shape.Heads shape.AttentionDropout (attentionNames index) batch x
                Layers.postNorm pass (postNormNames index) shape context x)

        Seq.fold layer (pass.Layer embed) (seq { 0 .. shape.Layers - 1 })

    let read config : EncoderShape =
        let hidden, heads = ConfigFile.widthAndHeads config "dim" "n_heads"

        {
            VocabularySize = ConfigFile.size config "vocab_size"
            Hidden = hidden
            Layers = ConfigFile.layers config "n_layers"
            Heads = heads
            Intermediate = ConfigFile.size config "hidden_dim"
            Positions = ConfigFile.size config "max_position_embeddings"
            TokenTypes = 0
            Activation = ConfigFile.activation "gelu" config "activation"
            HiddenDropout = ConfigFile.rate 0.1 config "dropout"
            AttentionDropout = ConfigFile.rate 0.1 config "attention_dropout"
            LayerNormEpsilon = epsilon
            InitializerRange = ConfigFile.floatOr 0.02 config "initializer_range"
        }

    let toNode (shape: EncoderShape) =
        let json = JsonObject()
        json["architectures"] <- JsonArray(JsonValue.Create "DistilBertModel")
        json["model_type"] <- "distilbert"
        json["vocab_size"] <- shape.VocabularySize
        json["dim"] <- shape.Hidden
        json["n_layers"] <- shape.Layers
        json["n_heads"] <- shape.Heads
        json["hidden_dim"] <- shape.Intermediate
        json["max_position_embeddings"] <- shape.Positions
        json["activation"] <- Activation.name shape.Activation
        json["dropout"] <- shape.HiddenDropout
        json["attention_dropout"] <- shape.AttentionDropout
        json["initializer_range"] <- shape.InitializerRange
        json["pad_token_id"] <- 0
        json
