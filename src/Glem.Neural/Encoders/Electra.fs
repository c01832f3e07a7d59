namespace Glem

open TorchSharp

/// The shape of an ELECTRA encoder.
type ElectraConfig = {
    Shape: EncoderShape
    /// Width of the three tables.
    EmbeddingWidth: int
}

/// ELECTRA's discriminator (Clark et al. 2020): BERT's layers over embeddings that may be narrower.
module Electra =
    let private projection = "embeddings_project"

    let private isNarrow (config: ElectraConfig) = config.EmbeddingWidth <> config.Shape.Hidden

    let specs (config: ElectraConfig) = [
        yield! Bert.embeddingSpecs config.EmbeddingWidth config.Shape

        if isNarrow config then
            yield! WeightSpec.linear projection config.Shape.Hidden config.EmbeddingWidth

        yield! Bert.layerSpecs config.Shape
    ]

    let forward (pass: Pass) (config: ElectraConfig) (batch: PackedBatch) =
        let embed () =
            let narrow = Bert.embed pass config.Shape batch.Positions batch // [t; e]
            if isNarrow config then Layers.linear pass projection narrow else narrow

        pass.Layer embed |> Bert.layers pass config.Shape batch

    let read config : ElectraConfig =
        Bert.refuseUnsupported config

        {
            Shape = EncoderShape.read 1e-12 config
            EmbeddingWidth = ConfigFile.size config "embedding_size"
        }

    let toNode (config: ElectraConfig) =
        let json = EncoderShape.toNode "ElectraModel" "electra" config.Shape
        json["embedding_size"] <- config.EmbeddingWidth
        json["position_embedding_type"] <- "absolute"
        json["pad_token_id"] <- 0
        json
