namespace Glem

open TorchSharp

/// Whether a forward pass drops units, and by which stream of masks.
type Mode =
    | Evaluating
    /// A seed that no other step of the run uses.
    | Training of seed: int64

/// One forward pass of an encoder: whose weights it reads, in which number format, what it drops, who looks on.
/// `prefix` ("" or "bert.") stands before every name; `see` is shown the embeddings and then every layer's states : [t; d];
/// `lora` says how the products' adapters count, where the parameters hold any.
type Pass
    (parameters: Parameters, prefix: string, dtype: torch.ScalarType, mode: Mode, see: Tensor -> unit, ?lora: LoraRecipe)
    =
    // One mask stream for each place that drops units: the step's seed and the place's number.
    let mutable place = 0L

    /// The number format of products and activations.
    member _.Dtype = dtype

    /// A parameter by its whole name behind the prefix.
    member _.Parameter(name: string) = parameters[prefix + name]

    member _.Weight(name: string) = parameters[$"%s{prefix}%s{name}.weight"]
    member _.Bias(name: string) = parameters[$"%s{prefix}%s{name}.bias"]

    /// The adapter of a product by its name behind the prefix, A : [rank; inputs] and B : [outputs; rank], where it has one.
    member _.Adapter(name: string) =
        match lora with
        | Some lora when parameters.Has(Lora.down (prefix + name)) ->
            ValueSome(struct (lora, parameters[Lora.down (prefix + name)], parameters[Lora.up (prefix + name)]))
        | _ -> ValueNone

    /// The share to drop at the next place, and the seed of its mask.
    member _.Dropping(rate: float) =
        match mode with
        | Evaluating -> struct (0.0, 0L)
        | Training seed ->
            place <- place + 1L
            struct (rate, seed * 1000003L + place)

    /// A layer's states, shown; what else the layer made is freed, but for what the backward pass needs.
    member _.Layer(layer: unit -> Tensor) =
        let states = Scope.freeing Seq.singleton layer
        see states
        states
