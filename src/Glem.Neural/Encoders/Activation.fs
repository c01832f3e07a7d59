namespace Glem

open TorchSharp
open Glem.Torch.Extensions

/// The function between a feed-forward layer's two products.
type Activation =
    /// x times the normal distribution function, by the error function (Hendrycks & Gimpel 2016).
    | Gelu
    /// The same through a hyperbolic tangent: what the first releases of BERT and GPT-2 computed.
    | GeluTanh
    | Relu
    /// x times its sigmoid.
    | Silu
    | Tanh

module Activation =
    /// Hugging Face's names (ACT2FN); the first of each activation is the one that is written.
    let private names = [
        Gelu, [ "gelu"; "gelu_python" ]
        GeluTanh, [ "gelu_new"; "gelu_pytorch_tanh"; "gelu_fast" ]
        Relu, [ "relu" ]
        Silu, [ "silu"; "swish" ]
        Tanh, [ "tanh" ]
    ]

    let supported = names |> List.collect snd |> String.concat ", "

    let tryParse (name: string) =
        names
        |> List.tryPick (fun (activation, known) -> if List.contains name known then Some activation else None)

    let name (activation: Activation) = names |> List.find (fun (known, _) -> known = activation) |> snd |> List.head

    /// Element by element, in float32 and back : any shape.
    let apply (activation: Activation) (x: Tensor) =
        let wide = x.``to`` torch.ScalarType.Float32

        let y =
            match activation with
            | Gelu -> torch.nn.functional.gelu wide
            | GeluTanh ->
                let inner = (wide + wide * wide * wide * 0.044715f) * float32 (sqrt (2.0 / System.Math.PI))
                wide * (inner.tanh () + 1.0f) * 0.5f
            | Relu -> torch.nn.functional.relu wide
            | Silu -> wide * wide.sigmoid ()
            | Tanh -> wide.tanh ()

        y.``to`` x.dtype

    /// The same of x + bias. x : [t; d]   bias : [d]
    let applyBiased (activation: Activation) (x: Tensor) (bias: Tensor) =
        match activation with
        | Gelu -> Ops.BiasGelu(x, bias)
        | _ -> apply activation (x + bias.``to`` x.dtype)
