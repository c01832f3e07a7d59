namespace Glem

open System.Collections.Generic
open TorchSharp
open Glem.Torch.Extensions

/// Whether a forward pass drops units, and by which stream of masks.
type Mode =
    | Evaluating
    /// A seed that no other step of the run uses.
    | Training of seed: int64

/// The post-layer-norm encoder of Devlin et al. 2019 over packed texts, with Hugging Face's BertModel names and numerics.
module Bert =

    /// Random weights: matrices and embeddings N(0, InitializerRange), biases 0, norms 1 (Hugging Face's initialisation).
    /// Without the pooler, which GLEM's head does not use.
    let initial (config: BertConfig) (generator: torch.Generator) : Weights =
        use _ = torch.NewDisposeScope()
        let weights = Dictionary<string, Weight>()
        let keep name (tensor: Tensor) = weights.Add(name, Weight.ofTensor tensor)

        let normal name (shape: int64[]) =
            keep name (torch.randn (shape, generator = generator) * config.InitializerRange)

        let linear name outputs inputs =
            normal $"%s{name}.weight" [| int64 outputs; int64 inputs |]
            keep $"%s{name}.bias" (torch.zeros [| int64 outputs |])

        let norm name =
            keep $"%s{name}.weight" (torch.ones [| int64 config.Hidden |])
            keep $"%s{name}.bias" (torch.zeros [| int64 config.Hidden |])

        let d = config.Hidden

        for table, rows in
            [
                "word", config.VocabularySize
                "position", config.Positions
                "token_type", config.TokenTypes
            ] do
            normal $"embeddings.%s{table}_embeddings.weight" [| int64 rows; int64 d |]

        norm "embeddings.LayerNorm"

        for layer in 0 .. config.Layers - 1 do
            let at part = $"encoder.layer.%d{layer}.%s{part}"

            for part in [ "query"; "key"; "value" ] do
                linear (at $"attention.self.%s{part}") d d

            linear (at "attention.output.dense") d d
            norm (at "attention.output.LayerNorm")
            linear (at "intermediate.dense") config.Intermediate d
            linear (at "output.dense") d config.Intermediate
            norm (at "output.LayerNorm")

        weights

    /// Every linear layer multiplies in the compute dtype; tables, biases and norms stay in float32.
    let role (name: string) =
        let isTable = name.Contains "embeddings" || name.Contains "LayerNorm"
        if name.EndsWith ".weight" && not isTable then Multiplies else Trains

    /// Last hidden states of a packed batch : [t; d], filler included, in the compute dtype. `prefix` ("" or "bert.") stands before every name.
    let forward
        (config: BertConfig)
        (dtype: torch.ScalarType)
        (p: Parameters)
        (prefix: string)
        mode
        (batch: PackedBatch)
        =
        let weight name = p[$"%s{prefix}%s{name}.weight"]
        let bias name = p[$"%s{prefix}%s{name}.bias"]

        // One mask stream for each place that drops units: the step's seed and the place's number.
        let mutable place = 0L

        let dropping rate =
            match mode with
            | Evaluating -> struct (0.0, 0L)
            | Training seed ->
                place <- place + 1L
                struct (rate, seed * 1000003L + place)

        let residual (x: Tensor) dense (skip: Tensor) norm =
            let struct (rate, seed) = dropping config.HiddenDropout
            Ops.DropoutAddLayerNorm(x, bias dense, skip, weight norm, bias norm, rate, seed, config.LayerNormEpsilon)

        let embed () =
            let struct (rate, seed) = dropping config.HiddenDropout

            Ops.EmbeddingLayerNorm(
                weight "embeddings.word_embeddings",
                weight "embeddings.position_embeddings",
                weight "embeddings.token_type_embeddings",
                batch.Ids,
                batch.Positions,
                null,
                weight "embeddings.LayerNorm",
                bias "embeddings.LayerNorm",
                rate,
                seed,
                config.LayerNormEpsilon,
                (dtype = torch.ScalarType.BFloat16)
            )

        let attend layer (x: Tensor) =
            let self part = $"encoder.layer.%d{layer}.attention.self.%s{part}"

            let together (find: string -> Tensor) =
                torch.cat ([| find (self "query"); find (self "key"); find (self "value") |], 0L)

            let qkv = torch.nn.functional.linear (x, together weight, (together bias).``to`` x.dtype) // [t; 3d]
            let struct (rate, seed) = dropping config.AttentionDropout
            Ops.Attention(qkv, batch.Offsets, config.Heads, rate, seed) // [t; d]

        let product (x: Tensor) name = torch.nn.functional.linear (x, weight name)

        let layer (x: Tensor) index =
            let at part = $"encoder.layer.%d{index}.%s{part}"
            let attended = product (attend index x) (at "attention.output.dense")
            let x = residual attended (at "attention.output.dense") x (at "attention.output.LayerNorm")
            let wide = Ops.BiasGelu(product x (at "intermediate.dense"), bias (at "intermediate.dense")) // [t; i]
            residual (product wide (at "output.dense")) (at "output.dense") x (at "output.LayerNorm")

        Seq.fold layer (embed ()) (seq { 0 .. config.Layers - 1 })
