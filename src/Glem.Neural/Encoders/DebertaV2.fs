namespace Glem

open TorchSharp
open Glem.Torch.Extensions

/// The convolution beside the first layer of DeBERTa v2's large models.
type Convolution = {
    /// Tokens that one output reads; odd.
    Kernel: int
    Activation: Activation
}

/// The shape of a DeBERTa v2 or v3 encoder.
type DebertaV2Config = {
    Disentangled: DisentangledConfig
    /// Relative positions fall into this many buckets to each side, by their logarithm; None: each is its own.
    Buckets: int option
    /// Relative positions go through the contents' own query and key products.
    SharesKey: bool
    /// The table of relative positions is normed first.
    NormsPositions: bool
    Convolution: Convolution option
}

/// DeBERTa v2 and v3 (He et al. 2021, 2023). Hugging Face's DebertaV2Model names and numerics.
module DebertaV2 =
    let private table = "encoder.rel_embeddings"
    let private tableNorm = "encoder.LayerNorm"
    let private convolution = "encoder.conv.conv"
    let private convolutionNorm = "encoder.conv.LayerNorm"
    let private self layer part = Bert.layerName layer $"attention.self.%s{part}"
    let private content layer = self layer "query_proj", self layer "key_proj", self layer "value_proj"

    /// What the relative positions' queries and keys are products of.
    let private position (config: DebertaV2Config) layer =
        if config.SharesKey then
            self layer "query_proj", self layer "key_proj"
        else
            self layer "pos_query_proj", self layer "pos_key_proj"

    /// Rows of the table of relative positions, to each side.
    let private span (config: DebertaV2Config) =
        config.Buckets |> Option.defaultValue config.Disentangled.MaxRelativePositions

    /// The bucket of a relative position: itself up to buckets / 2, by its logarithm from there to `longest` (the official
    /// code's make_log_bucket_position).
    let bucket (buckets: int) (longest: int) (relative: int) =
        let middle = buckets / 2

        if abs relative <= middle then
            relative
        else
            let share = log (float (abs relative) / float middle) / log (float (longest - 1) / float middle)
            sign relative * (int (ceil (share * float (middle - 1))) + middle)

    let specs (config: DebertaV2Config) = [
        let disentangled = config.Disentangled
        let d = disentangled.Shape.Hidden
        yield! Disentangled.embeddingSpecs disentangled
        WeightSpec.table table (2 * span config) d

        if config.NormsPositions then
            yield! WeightSpec.norm tableNorm d

        match config.Convolution with
        | Some { Kernel = kernel } ->
            WeightSpec.matrix convolution [ d; d; kernel ]
            WeightSpec.vector $"%s{convolution}.bias" d
            yield! WeightSpec.norm convolutionNorm d
        | None -> ()

        for layer in 0 .. disentangled.Shape.Layers - 1 do
            let query, key, value = content layer

            for part in [ query; key; value ] do
                yield! WeightSpec.linear part d d

            if not config.SharesKey then
                let query, key = position config layer

                if disentangled.ContentToPosition then
                    yield! WeightSpec.linear key d d

                if disentangled.PositionToContent then
                    yield! WeightSpec.linear query d d

            yield! Bert.postNormSpecs disentangled.Shape layer
    ]

    /// For every token the rows of the tokens around it : [t k] int64, row t where its text has none there.
    let private neighbours (kernel: int) (batch: PackedBatch) =
        let total = int batch.Ids.shape[0]
        let rows = Array.create (total * kernel) (int64 total)

        for text in 0 .. batch.TextCount - 1 do
            for row in batch.Bounds[text] .. batch.Bounds[text + 1] - 1 do
                for place in 0 .. kernel - 1 do
                    let other = row + place - kernel / 2

                    if other >= batch.Bounds[text] && other < batch.Bounds[text + 1] then
                        rows[row * kernel + place] <- int64 other

        torch.tensor(rows).``to`` batch.Ids.device

    /// norm(after + act(dropout(convolution of first))), the first layer's states with the words around each token.
    ///   first : [t; d] what the first layer read   after : [t; d] what it made
    let private convolve
        (pass: Pass)
        shape
        (convolve: Convolution)
        (batch: PackedBatch)
        (first: Tensor)
        (after: Tensor)
        =
        let d = first.shape[1]

        let padded =
            torch.cat (
                [|
                    first
                    torch.zeros ([| 1L; d |], dtype = first.dtype, device = first.device)
                |],
                0L
            )

        let around = padded.index_select (0L, neighbours convolve.Kernel batch) // [t k; d]
        let around = around.reshape ([| -1L; int64 convolve.Kernel * d |])
        let weight = (pass.Weight convolution).permute(0L, 2L, 1L).reshape([| d; -1L |]) // [d; k d]
        let mixed = torch.nn.functional.linear (around, weight, (pass.Bias convolution).``to`` first.dtype)
        let struct (rate, seed) = pass.Dropping shape.HiddenDropout
        let mixed = if rate = 0.0 then mixed else Ops.Dropout(mixed, rate, seed)
        let sum = after + Activation.apply convolve.Activation mixed
        let scale, shift = pass.Weight convolutionNorm, pass.Bias convolutionNorm
        (Layers.norm scale shift shape.LayerNormEpsilon sum).``to`` first.dtype

    let forward (pass: Pass) (config: DebertaV2Config) (batch: PackedBatch) =
        let shape = config.Disentangled.Shape

        let positions =
            if config.NormsPositions then
                pass.Part(fun () ->
                    let scale, shift = pass.Weight tableNorm, pass.Bias tableNorm
                    Layers.norm scale shift shape.LayerNormEpsilon (pass.Weight table))
            else
                pass.Weight table

        let bucket =
            match config.Buckets with
            | Some buckets -> bucket buckets config.Disentangled.MaxRelativePositions
            | None -> id

        let relative = Disentangled.positions shape.Heads (span config) bucket positions batch

        let layer x index =
            pass.Layer(fun () ->
                let query, key, value = content index
                let toQueries, toKeys = position config index
                let parts = Layers.linear pass query x, Layers.linear pass key x, Layers.linear pass value x

                let context =
                    Disentangled.attend
                        pass
                        config.Disentangled
                        relative
                        (Layers.linear pass toKeys)
                        (Layers.linear pass toQueries)
                        parts

                let after = Layers.postNorm pass (Bert.postNormNames index) shape context x

                match config.Convolution with
                | Some convolution when index = 0 -> convolve pass shape convolution batch x after
                | _ -> after)

        Seq.fold
            layer
            (pass.Layer(fun () -> Disentangled.embed pass config.Disentangled batch))
            (seq { 0 .. shape.Layers - 1 })

    let read (config: ConfigFile) : DebertaV2Config =
        let disentangled = Disentangled.read config
        ConfigFile.only config "conv_groups" "1"

        let norms =
            match ConfigFile.textOr "none" config "norm_rel_ebd" with
            | "none" -> false
            | "layer_norm" -> true
            | other -> ConfigFile.refuse config "norm_rel_ebd" other "none or layer_norm"

        let buckets =
            match ConfigFile.intOr -1 config "position_buckets" with
            | buckets when buckets < 1 -> None
            | buckets when buckets >= 4 && buckets / 2 < disentangled.MaxRelativePositions - 1 -> Some buckets
            | buckets ->
                let most = 2 * (disentangled.MaxRelativePositions - 1) - 1
                ConfigFile.refuse config "position_buckets" (string buckets) $"-1, or 4 to %d{most}"

        let kernel =
            match ConfigFile.intOr 0 config "conv_kernel_size" with
            | kernel when kernel <= 0 -> None
            | kernel when kernel % 2 = 1 && kernel < 100 -> Some kernel
            | kernel -> ConfigFile.refuse config "conv_kernel_size" (string kernel) "0 or an odd number below 100"

        {
            Disentangled = disentangled
            Buckets = buckets
            SharesKey = ConfigFile.flagOr false config "share_att_key"
            NormsPositions = norms
            Convolution =
                kernel
                |> Option.map (fun kernel -> {
                    Kernel = kernel
                    Activation = ConfigFile.activation "tanh" config "conv_act"
                })
        }

    let toNode (config: DebertaV2Config) =
        let json = Disentangled.toNode "DebertaV2Model" "deberta-v2" config.Disentangled
        json["position_buckets"] <- config.Buckets |> Option.defaultValue -1
        json["share_att_key"] <- config.SharesKey
        json["norm_rel_ebd"] <- if config.NormsPositions then "layer_norm" else "none"

        match config.Convolution with
        | Some convolution ->
            json["conv_kernel_size"] <- convolution.Kernel
            json["conv_act"] <- Activation.name convolution.Activation
        | None -> ()

        json
