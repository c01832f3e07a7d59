namespace Glem

open System
open TorchSharp
open Glem.Torch.Extensions

/// A graph's propagation matrix as tensors: rows, and the rows of its transpose for the backward pass.
///   RowOffsets : [n+1] int32   Columns : [e] int32   Values : [e] float32; the same for the transpose
type Propagation = {
    RowOffsets: Tensor
    Columns: Tensor
    Values: Tensor
    TransposedRowOffsets: Tensor
    TransposedColumns: Tensor
    TransposedValues: Tensor
} with

    /// P x : [n; d] -> [n; d].
    member this.Propagate(x: Tensor) =
        Ops.Spmm(
            this.RowOffsets,
            this.Columns,
            this.Values,
            this.TransposedRowOffsets,
            this.TransposedColumns,
            this.TransposedValues,
            x
        )

    interface IDisposable with
        member this.Dispose() =
            for tensor in
                [
                    this.RowOffsets
                    this.Columns
                    this.Values
                    this.TransposedRowOffsets
                    this.TransposedColumns
                    this.TransposedValues
                ] do
                tensor.Dispose()

module Propagation =
    /// The matrix of these values on these edges : [e]. The caller owns it.
    let ofValues (device: torch.Device) (edges: Edges) (values: float32[]) =
        let targets, order = Edges.targets edges, Edges.transposedOrder edges

        let keep (make: unit -> Tensor) =
            (Scope.freeing Seq.singleton (fun () -> (make ()).``to`` device)).DetachFromDisposeScope()

        {
            RowOffsets = keep (fun () -> torch.tensor edges.Offsets)
            Columns = keep (fun () -> torch.tensor edges.Sources)
            Values = keep (fun () -> torch.tensor values)
            TransposedRowOffsets = keep (fun () -> torch.tensor (Edges.transposedOffsets edges))
            TransposedColumns = keep (fun () -> order |> Array.map (fun e -> targets[e]) |> torch.tensor)
            TransposedValues = keep (fun () -> order |> Array.map (fun e -> values[e]) |> torch.tensor)
        }

    /// The sum of the weights into every node : [n].
    let private inDegrees (edges: Edges) =
        Array.init edges.NodeCount (fun i ->
            let mutable sum = 0.0

            for e in edges.Offsets[i] .. edges.Offsets[i + 1] - 1 do
                sum <- sum + float edges.Weights[e]

            sum)

    let private divided (power: float -> float) degree = if degree > 0.0 then 1.0 / power degree else 0.0

    /// D^-1/2 A D^-1/2 with the in-degree for both ends, on directed graphs too, as PyG's gcn_norm has it; 1/sqrt(0)
    /// counts 0. The caller owns it.
    let normalised (device: torch.Device) (edges: Edges) =
        let scale = inDegrees edges |> Array.map (divided sqrt)

        Array.map3
            (fun i j weight -> float32 (scale[i] * float weight * scale[j]))
            (Edges.targets edges)
            edges.Sources
            edges.Weights
        |> ofValues device edges

    /// D^-1/2 (A + I) D^-1/2 of Kipf & Welling 2017, eq. 2: every node gets one self-loop. The caller owns it.
    let symmetric (device: torch.Device) (edges: Csr) =
        Edges.ofCsr edges |> Edges.withRemainingLoops 1f |> normalised device

    /// D^-1 A: the mean over in-edges, 0 where there is none. The caller owns it.
    let mean (device: torch.Device) (edges: Edges) =
        let scale = inDegrees edges |> Array.map (divided id)

        Array.map2 (fun i weight -> float32 (scale[i] * float weight)) (Edges.targets edges) edges.Weights
        |> ofValues device edges
