namespace Glem.Bench

open System.Diagnostics
open Glem
open TorchSharp

/// What the machine multiplies at, which no encoder exceeds.
module MatrixRate =
    let private side = 2048L
    let private repeats = 8

    /// Multiplications and additions a second of square products in the compute's number format: the best of a few.
    let measure (compute: Compute) =
        Scope.freeingAll (fun () ->
            use _ = torch.no_grad ()
            let square () = (torch.randn [| side; side |]).``to``(compute.Device).``to`` compute.Dtype
            let a, b = square (), square ()

            let seconds () =
                let clock = Stopwatch.StartNew()
                (a.matmul b).Dispose()
                clock.Elapsed.TotalSeconds

            2.0 * float (side * side * side) / (Seq.init repeats (ignore >> seconds) |> Seq.min))
