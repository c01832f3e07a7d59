namespace Glem

open System
open System.Runtime.InteropServices
open TorchSharp
open Glem.Torch.Extensions

/// A graph's propagation matrix as tensors: rows, and the rows of its transpose for the backward pass. An undirected graph
/// has one structure for both, and one tensor of values where the matrix is symmetric, or where all entries of a row have the
/// same value.
///   RowOffsets : [n+1] int32   Columns : [e] int32   Values : [e] float32; the same for the transpose
type Propagation = {
    RowOffsets: Tensor
    Columns: Tensor
    Values: Tensor
    TransposedRowOffsets: Tensor
    TransposedColumns: Tensor
    TransposedValues: Tensor
    /// Whether the values are one for each row, [n], and so for each column of the transpose.
    ByRow: bool
} with

    /// P x : [n; d] -> [n; d].
    member this.Propagate(x: Tensor) =
        if this.ByRow then
            Ops.SpmmByRow(
                this.RowOffsets,
                this.Columns,
                this.TransposedRowOffsets,
                this.TransposedColumns,
                this.Values,
                x
            )
        else
            Ops.Spmm(
                this.RowOffsets,
                this.Columns,
                this.Values,
                this.TransposedRowOffsets,
                this.TransposedColumns,
                this.TransposedValues,
                x
            )

    /// Bytes of its tensors, those that serve twice counted once.
    member this.Bytes =
        [
            this.RowOffsets
            this.Columns
            this.Values
            this.TransposedRowOffsets
            this.TransposedColumns
            this.TransposedValues
        ]
        |> List.distinctBy _.Handle
        |> List.sumBy (fun tensor -> tensor.numel () * 4L)

    interface IDisposable with
        member this.Dispose() =
            // Disposing of a tensor twice is harmless.
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
    /// Elements written at a time: a span holds less than 2^31 bytes.
    let private part = 1 <<< 28

    /// value (target, source, weight) of every edge in order : [e]. Written where it stays, without an array beside it.
    let private filled (edges: Edges) (value: int -> int -> float32 -> float32) : Tensor =
        let tensor = torch.empty ([| int64 edges.Count |], torch.ScalarType.Float32)
        let mutable target = 0

        for first in 0..part .. edges.Count - 1 do
            use here = tensor.narrow (0L, int64 first, int64 (min part (edges.Count - first)))
            let values = MemoryMarshal.Cast<byte, float32> here.bytes

            for k in 0 .. values.Length - 1 do
                let e = first + k

                while edges.Offsets[target + 1] <= e do
                    target <- target + 1

                values[k] <- value target edges.Sources[e] (edges.Weight e)

        tensor

    /// The same by source and then target.
    let private filledTransposed (edges: Edges) (value: int -> int -> float32 -> float32) : Tensor =
        let values = Array.zeroCreate edges.Count

        Edges.visitTransposed edges (fun target e place ->
            values[place] <- value target edges.Sources[e] (edges.Weight e))

        torch.tensor values

    let private transposedColumns (edges: Edges) : Tensor =
        let targets = Array.zeroCreate<int> edges.Count
        Edges.visitTransposed edges (fun target _ place -> targets[place] <- target)
        torch.tensor targets

    let private isSymmetric (edges: Edges) (value: int -> int -> float32 -> float32) =
        let mutable same = true

        for i in 0 .. edges.NodeCount - 1 do
            for e in edges.Offsets[i] .. edges.Offsets[i + 1] - 1 do
                let j = edges.Sources[e]
                same <- same && value i j 1f = value j i 1f

        same

    /// The structure of a matrix and of its transpose under some values.   values : [e], or [n] by row
    let private structured (device: torch.Device) (edges: Edges) byRow (values: Tensor) (transposedValues: Tensor) =
        let rows = Scope.kept device (fun () -> torch.tensor edges.Offsets)
        let columns = Scope.kept device (fun () -> torch.tensor edges.Sources)
        let isUndirected = Edges.isUndirected edges

        {
            RowOffsets = rows
            Columns = columns
            Values = values
            TransposedRowOffsets =
                if isUndirected then
                    rows
                else
                    Scope.kept device (fun () -> torch.tensor (Edges.transposedOffsets edges))
            TransposedColumns =
                if isUndirected then
                    columns
                else
                    Scope.kept device (fun () -> transposedColumns edges)
            TransposedValues = transposedValues
            ByRow = byRow
        }

    /// The matrix whose entry of an edge is a function of its target, source and weight. The caller owns it.
    let ofFunction (device: torch.Device) (edges: Edges) (value: int -> int -> float32 -> float32) =
        let values = Scope.kept device (fun () -> filled edges value)
        // Then an entry's mirror image is known from its place alone.
        let isPlain = edges.Weights.Length = 0 && Edges.isUndirected edges

        structured
            device
            edges
            false
            values
            (if isPlain && isSymmetric edges value then
                 values
             elif isPlain then
                 Scope.kept device (fun () -> filled edges (fun target source weight -> value source target weight))
             else
                 Scope.kept device (fun () -> filledTransposed edges value))

    /// The matrix whose entries in a row have one value : [n]. The caller owns it.
    let private ofRows (device: torch.Device) (edges: Edges) (values: float32[]) =
        let values = Scope.kept device (fun () -> torch.tensor values)
        structured device edges true values values

    /// The sum of the weights into every node : [n].
    let private inDegrees (edges: Edges) =
        Array.init edges.NodeCount (fun i ->
            let mutable sum = 0.0

            for e in edges.Offsets[i] .. edges.Offsets[i + 1] - 1 do
                sum <- sum + float (edges.Weight e)

            sum)

    let private divided (power: float -> float) degree = if degree > 0.0 then 1.0 / power degree else 0.0

    /// D^-1/2 A D^-1/2 with the in-degree for both ends, on directed graphs too, as PyG's gcn_norm has it; 1/sqrt(0)
    /// counts 0. The caller owns it.
    let normalised (device: torch.Device) (edges: Edges) =
        let scale = inDegrees edges |> Array.map (divided sqrt)
        ofFunction device edges (fun i j weight -> float32 (scale[i] * float weight * scale[j]))

    /// D^-1/2 (A + I) D^-1/2 of Kipf & Welling 2017, eq. 2: every node gets one self-loop. The caller owns it.
    let symmetric (device: torch.Device) (edges: Csr) =
        Edges.ofCsr edges |> Edges.withRemainingLoops 1f |> normalised device

    /// D^-1 A: the mean over in-edges, 0 where there is none. The caller owns it.
    let mean (device: torch.Device) (edges: Edges) =
        let scale = inDegrees edges |> Array.map (divided id)

        if edges.Weights.Length = 0 then
            scale |> Array.map float32 |> ofRows device edges
        else
            ofFunction device edges (fun i _ weight -> float32 (scale[i] * float weight))
