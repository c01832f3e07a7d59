namespace Glem

open TorchSharp
open Glem.Torch.Extensions

type Tensor = torch.Tensor

/// The number format of matrix products and activations. Master weights, statistics and losses are float32 in both.
[<RequireQualifiedAccess>]
type Precision =
    | Float32
    | BFloat16

/// Where, in which number format, and in how much memory a student computes. The memory changes no number.
type Compute = {
    Device: torch.Device
    Precision: Precision
    Memory: MemoryBudget
} with

    /// The dtype of activations.
    member this.Dtype =
        match this.Precision with
        | Precision.Float32 -> torch.ScalarType.Float32
        | Precision.BFloat16 -> torch.ScalarType.BFloat16

module Compute =
    /// The GPU if there is one; bfloat16 where the hardware multiplies it faster than float32 (AMX, AVX512-BF16, CUDA).
    let automatic () =
        Engine.Initialize()
        let gpu = torch.cuda.is_available ()

        {
            Device = if gpu then torch.CUDA else torch.CPU
            Precision = if gpu || Engine.HasFastBf16 then Precision.BFloat16 else Precision.Float32
            Memory = MemoryBudget.standard ()
        }

    /// "bfloat16 on cpu".
    let describe (compute: Compute) =
        let precision =
            match compute.Precision with
            | Precision.Float32 -> "float32"
            | Precision.BFloat16 -> "bfloat16"

        let device = (string compute.Device.``type``).ToLowerInvariant()
        $"%s{precision} on %s{device}"

module Scope =
    /// Runs f, then frees every tensor it made except those that `kept` finds in its answer.
    let freeing (kept: 'r -> Tensor seq) (f: unit -> 'r) =
        use scope = torch.NewDisposeScope()
        let answer = f ()

        for tensor in kept answer do
            tensor.MoveToOuterDisposeScope() |> ignore

        answer

    /// Runs `make`, and frees every tensor it made but the answer, a copy on the device where it was made elsewhere. No scope
    /// frees that one: the caller owns it.
    let kept (device: torch.Device) (make: unit -> Tensor) : Tensor =
        (freeing Seq.singleton (fun () -> (make ()).``to`` device)).DetachFromDisposeScope()

    /// Runs f, which answers with no tensor, and frees every tensor it made.
    let freeingAll (f: unit -> 'r) = freeing (fun _ -> Seq.empty) f

module Generator =
    /// libtorch's generator, seeded with the key's own 63 bits. The caller owns it.
    let ofKey (key: Key) =
        let generator = new torch.Generator()
        generator.manual_seed (int64 (Key.seed key >>> 1)) |> ignore
        generator

module Random =
    /// .NET's seeded generator, whose numbers are the same in every version, from the key.
    let ofKey (key: Key) = System.Random(int (Key.seed key >>> 33))
