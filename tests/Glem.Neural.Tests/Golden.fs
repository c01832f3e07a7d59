namespace Glem.Neural.Tests

open System.Collections.Generic
open Glem
open Glem.Torch.Extensions
open TorchSharp
open Xunit

/// Numbers that the reference implementations computed (shared/fixtures).
module Golden =
    let cpu precision : Compute = {
        Device = torch.CPU
        Precision = precision
        Memory = MemoryBudget.standard ()
    }

    /// The tensors of a golden file; the caller's dispose scope owns them.
    let tensors (path: string) = Safetensors.Load(SharedFiles.file $"fixtures/%s{path}")

    /// Those tensors whose name `rename` keeps, as weights under the name it gives them.
    let weights (rename: string -> string option) (path: string) : Weights =
        use _ = torch.NewDisposeScope()

        tensors path
        |> Seq.choose (fun pair ->
            rename pair.Key |> Option.map (fun name -> KeyValuePair(name, Weight.ofTensor pair.Value)))
        |> Dictionary
        :> Weights

    let floats (tensor: Tensor) = (Weight.ofTensor tensor).Values

    let gradient (tensor: Tensor) =
        match tensor.grad with
        | null -> failwith "no gradient"
        | gradient -> floats gradient

    /// |actual - expected| <= absolute + relative * |expected|, entry by entry.
    let agree (what: string) absolute relative (expected: float32[]) (actual: float32[]) =
        Assert.Equal(expected.Length, actual.Length)

        let excess (x: float32) (y: float32) = abs (float x - float y) - relative * abs (float x)
        let worst = Array.map2 excess expected actual |> Array.max
        // Written so that NaN fails.
        Assert.True(
            (worst <= absolute),
            $"%s{what}: off by %g{worst}, allowed %g{absolute} and %g{relative} of the entry"
        )

    /// No entry off by more than this share of the largest, where the largest is not rounding noise itself.
    let agreeToLargest (what: string) share noise (expected: float32[]) (actual: float32[]) =
        let largest = expected |> Array.map abs |> Array.max |> float
        agree what (share * max largest noise) 0.0 expected actual
