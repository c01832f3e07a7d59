namespace Glem

/// DeBERTa (He et al. 2021), which the GLEM paper trains: disentangled attention over relative positions. Hugging Face's
/// DebertaModel names and numerics.
module Deberta =
    let private table = "encoder.rel_embeddings"
    let private self layer part = Bert.layerName layer $"attention.self.%s{part}"

    let specs (config: DisentangledConfig) = [
        let d = config.Shape.Hidden
        yield! Disentangled.embeddingSpecs config
        WeightSpec.table table (2 * config.MaxRelativePositions) d

        for layer in 0 .. config.Shape.Layers - 1 do
            WeightSpec.matrix (self layer "in_proj") [ 3 * d; d ]
            WeightSpec.vector (self layer "q_bias") d
            WeightSpec.vector (self layer "v_bias") d

            if config.ContentToPosition then
                WeightSpec.matrix (self layer "pos_proj") [ d; d ]

            if config.PositionToContent then
                yield! WeightSpec.linear (self layer "pos_q_proj") d d

            yield! Bert.postNormSpecs config.Shape layer
    ]

    let forward (pass: Pass) (config: DisentangledConfig) (batch: PackedBatch) =
        let heads, d = int64 config.Shape.Heads, int64 config.Shape.Hidden
        let span = config.MaxRelativePositions
        let relative = Disentangled.positions config.Shape.Heads span id (pass.Weight table) batch

        /// Queries, keys and values : [t; d] each. The product's rows are head 0's three parts, then head 1's, …; keys have no bias.
        let parts layer (x: Tensor) =
            let mixed = (Layers.product pass (self layer "in_proj") x).reshape([| -1L; heads; 3L; d / heads |])
            let part index = mixed.select(2L, index).reshape([| -1L; d |])
            let bias name = (pass.Parameter(self layer name)).``to`` x.dtype
            part 0L + bias "q_bias", part 1L, part 2L + bias "v_bias"

        let layer x index =
            pass.Layer(fun () ->
                let toKeys = Layers.product pass (self index "pos_proj")
                let toQueries = Layers.linear pass (self index "pos_q_proj")
                let context = Disentangled.attend pass config relative toKeys toQueries (parts index x)
                Layers.postNorm pass (Bert.postNormNames index) config.Shape context x)

        Seq.fold
            layer
            (pass.Layer(fun () -> Disentangled.embed pass config batch))
            (seq { 0 .. config.Shape.Layers - 1 })

    let read config : DisentangledConfig = Disentangled.read config

    let toNode (config: DisentangledConfig) = Disentangled.toNode "DebertaModel" "deberta" config
