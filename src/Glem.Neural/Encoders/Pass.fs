namespace Glem

open TorchSharp

/// Whether a forward pass drops units, and by which stream of masks.
type Mode =
    | Evaluating
    /// A seed that no other step of the run uses.
    | Training of seed: int64

/// One forward pass of an encoder: whose weights it reads, in which number format, what it drops, who looks on.
/// `prefix` ("" or "bert.") stands before every name; `see` is shown the embeddings and then every layer's states : [t; d];
/// `lora` says how the products' adapters count, where the parameters hold any; with `recomputes` layers keep their results
/// alone for the backward pass, and run again in it.
type Pass
    (
        parameters: Parameters,
        prefix: string,
        dtype: torch.ScalarType,
        mode: Mode,
        see: Tensor -> unit,
        ?lora: LoraRecipe,
        ?recomputes: bool
    ) =
    let recomputation = if defaultArg recomputes false then Some(Recomputation()) else None

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

    /// A part's result; what else the part made is freed, but for what the backward pass needs. Whatever has a gradient and is
    /// read by several layers is a part, or a weight.
    member _.Part(part: unit -> Tensor) =
        match recomputation with
        | None -> Scope.freeing Seq.singleton part
        | Some recomputation ->
            let first = place

            // Run again, it draws the same masks.
            recomputation.Run(fun () ->
                place <- first
                part ())

    /// A layer's states, shown.
    member this.Layer(layer: unit -> Tensor) =
        let states = this.Part layer
        see states
        states

    /// Adds the gradients of a loss of this pass's states to the leaves. Once for a pass.
    member _.Backward(loss: Tensor) =
        loss.backward ()
        recomputation |> Option.iter _.Backward()
