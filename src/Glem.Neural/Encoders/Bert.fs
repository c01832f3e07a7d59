namespace Glem

open TorchSharp

/// BERT (Devlin et al. 2019): post-norm layers over words, positions and segments. SciBERT, MiniLM, BGE, E5 and many more
/// are BERTs. Hugging Face's BertModel names and numerics, without the pooler, which GLEM's head does not use.
module Bert =
    let layerName (layer: int) (part: string) = $"encoder.layer.%d{layer}.%s{part}"

    /// What BERT, RoBERTa, ELECTRA and the DeBERTas call the parts of a layer behind its attention.
    let postNormNames (layer: int) = {
        Context = layerName layer "attention.output.dense"
        ContextNorm = layerName layer "attention.output.LayerNorm"
        Wide = layerName layer "intermediate.dense"
        Narrow = layerName layer "output.dense"
        Norm = layerName layer "output.LayerNorm"
    }

    let private embeddings = {
        Words = "embeddings.word_embeddings"
        Positions = Some "embeddings.position_embeddings"
        Segments = Some "embeddings.token_type_embeddings"
        Norm = "embeddings.LayerNorm"
    }

    /// The three tables, `width` wide, and their norm.
    let embeddingSpecs (width: int) (shape: EncoderShape) = [
        WeightSpec.table embeddings.Words shape.VocabularySize width
        WeightSpec.table "embeddings.position_embeddings" shape.Positions width
        WeightSpec.table "embeddings.token_type_embeddings" shape.TokenTypes width
        yield! WeightSpec.norm embeddings.Norm width
    ]

    let private attentionNames layer =
        let self part = layerName layer $"attention.self.%s{part}"
        self "query", self "key", self "value"

    /// The parts of a layer behind its attention.
    let postNormSpecs (shape: EncoderShape) layer = [
        let d, names = shape.Hidden, postNormNames layer
        yield! WeightSpec.linear names.Context d d
        yield! WeightSpec.norm names.ContextNorm d
        yield! WeightSpec.linear names.Wide shape.Intermediate d
        yield! WeightSpec.linear names.Narrow d shape.Intermediate
        yield! WeightSpec.norm names.Norm d
    ]

    let layerSpecs (shape: EncoderShape) = [
        for layer in 0 .. shape.Layers - 1 do
            let query, key, value = attentionNames layer

            for part in [ query; key; value ] do
                yield! WeightSpec.linear part shape.Hidden shape.Hidden

            yield! postNormSpecs shape layer
    ]

    let specs (shape: EncoderShape) = embeddingSpecs shape.Hidden shape @ layerSpecs shape

    /// First states : [t; width], where `positions` : [t] are rows of the position table.
    let embed (pass: Pass) (shape: EncoderShape) positions (batch: PackedBatch) =
        let shift = Some(pass.Bias embeddings.Norm)
        Layers.embed pass embeddings shift shape.HiddenDropout shape.LayerNormEpsilon positions batch

    /// The layers' last states : [t; d], from the first.
    let layers (pass: Pass) (shape: EncoderShape) (batch: PackedBatch) (first: Tensor) =
        let layer x index =
            pass.Layer(fun () ->
                let names = attentionNames index
                let context = Layers.attend pass shape.Heads shape.AttentionDropout names batch x
                Layers.postNorm pass (postNormNames index) shape context x)

        Seq.fold layer first (seq { 0 .. shape.Layers - 1 })

    let forward (pass: Pass) (shape: EncoderShape) (batch: PackedBatch) =
        pass.Layer(fun () -> embed pass shape batch.Positions batch) |> layers pass shape batch

    /// What all of BERT's kin refuse: attention that reads relative positions, or the past alone.
    let refuseUnsupported config =
        ConfigFile.only config "position_embedding_type" "absolute"
        ConfigFile.only config "is_decoder" "false"

    let read config : EncoderShape =
        refuseUnsupported config
        EncoderShape.read 1e-12 config

    let toNode (shape: EncoderShape) =
        let json = EncoderShape.toNode "BertModel" "bert" shape
        json["position_embedding_type"] <- "absolute"
        json["pad_token_id"] <- 0
        json
