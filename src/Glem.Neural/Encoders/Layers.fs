namespace Glem

open TorchSharp
open Glem.Torch.Extensions

/// The tables whose rows an encoder's first states are sums of, and the norm over the sum, by name.
type EmbeddingNames = {
    Words: string
    Positions: string option
    Segments: string option
    Norm: string
}

/// The parts of a post-norm layer behind its attention, by name.
type PostNormNames = {
    Context: string
    ContextNorm: string
    Wide: string
    Narrow: string
    Norm: string
}

/// What the encoders are made of (Vaswani et al. 2017, Devlin et al. 2019), over packed texts.
module Layers =

    /// What a product's adapter adds to it, alpha / rank * dropout(x) A' B' (Hu et al. 2022), where it has one.
    let private adapter (pass: Pass) (name: string) (x: Tensor) : Tensor voption =
        match pass.Adapter name with
        | ValueNone -> ValueNone
        | ValueSome(struct (lora, a, b)) ->
            let struct (rate, seed) = pass.Dropping lora.Dropout
            let x = if rate = 0.0 then x else Ops.Dropout(x, rate, seed)
            let low = torch.nn.functional.linear (x, a) // [t; rank]
            ValueSome(torch.nn.functional.linear (low, b) * Lora.scale lora)

    let private adapted pass name x (y: Tensor) =
        match adapter pass name x with
        | ValueSome more -> y + more
        | ValueNone -> y

    /// x W' + b in x's dtype. x : [t; inputs], result : [t; outputs]
    let linear (pass: Pass) (name: string) (x: Tensor) =
        torch.nn.functional.linear (x, pass.Weight name, (pass.Bias name).``to`` x.dtype)
        |> adapted pass name x

    /// x W' without bias.
    let product (pass: Pass) (name: string) (x: Tensor) =
        torch.nn.functional.linear (x, pass.Weight name) |> adapted pass name x

    /// Layer norm in float32, with or without shift. x : [t; d], result : [t; d] float32
    let norm (scale: Tensor) (shift: Tensor | null) (epsilon: float) (x: Tensor) =
        torch.nn.functional.layer_norm (x.``to`` torch.ScalarType.Float32, scale.shape, scale, shift, epsilon)

    /// dropout(norm(words + positions + segments)) : [t; d] in the compute dtype. `shift` is the norm's, 0 where the norm has
    /// none; `positions` : [t] are rows of the position table.
    let embed (pass: Pass) (names: EmbeddingNames) (shift: Tensor option) rate epsilon positions (batch: PackedBatch) =
        let words = pass.Weight names.Words
        let none () = torch.zeros ([| 1L; words.shape[1] |], device = words.device)
        let scale = pass.Weight names.Norm
        let struct (rate, seed) = pass.Dropping rate

        let positionTable, positions =
            match names.Positions with
            | Some table -> pass.Weight table, positions
            | None -> none (), torch.zeros_like batch.Positions

        let segmentTable, segments =
            match names.Segments with
            | Some table -> pass.Weight table, batch.Segments
            | None -> none (), None

        Ops.EmbeddingLayerNorm(
            words,
            positionTable,
            segmentTable,
            batch.Ids,
            positions,
            Option.toObj segments,
            scale,
            (match shift with
             | Some shift -> shift
             | None -> torch.zeros_like scale),
            rate,
            seed,
            epsilon,
            (pass.Dtype = torch.ScalarType.BFloat16)
        )

    /// Softmax attention within each text, without its output product : [t; d].
    let attend (pass: Pass) heads rate (query, key, value) (batch: PackedBatch) (x: Tensor) =
        let together (find: string -> Tensor) = torch.cat ([| find query; find key; find value |], 0L)
        let bias = (together pass.Bias).``to`` x.dtype
        let qkv = torch.nn.functional.linear (x, together pass.Weight, bias) // [t; 3d]
        let adapters = [| query; key; value |] |> Array.map (fun name -> adapter pass name x)

        let qkv =
            if adapters |> Array.exists _.IsSome then
                qkv + torch.cat (adapters |> Array.map (ValueOption.defaultWith (fun () -> torch.zeros_like x)), 1L)
            else
                qkv

        let struct (rate, seed) = pass.Dropping rate
        Ops.Attention(qkv, batch.Offsets, heads, rate, seed)

    /// norm(skip + dropout(x W' + b)).
    let residual (pass: Pass) dense norm rate epsilon (skip: Tensor) (x: Tensor) =
        let x = product pass dense x
        let struct (rate, seed) = pass.Dropping rate

        Ops.DropoutAddLayerNorm(x, pass.Bias dense, skip, pass.Weight norm, pass.Bias norm, rate, seed, epsilon)

    /// The rest of a post-norm layer, given the attention's context : [t; d] and what it attended from, x : [t; d].
    let postNorm (pass: Pass) (names: PostNormNames) (shape: EncoderShape) (context: Tensor) (x: Tensor) =
        let rate, epsilon = shape.HiddenDropout, shape.LayerNormEpsilon
        let x = residual pass names.Context names.ContextNorm rate epsilon x context
        let wide = Activation.applyBiased shape.Activation (product pass names.Wide x) (pass.Bias names.Wide) // [t; i]
        residual pass names.Narrow names.Norm rate epsilon x wide
