namespace Glem

open System
open System.Collections.Generic
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
    /// D^-1/2 (A + I) D^-1/2 of Kipf & Welling 2017, eq. 2: every node gets one self-loop. The caller owns it.
    let symmetric (device: torch.Device) (edges: Csr) =
        let n = edges.NodeCount

        let loops = seq { for i in 0 .. n - 1 -> struct (i, i) }
        let rows = Seq.append (Csr.pairs edges) loops |> Csr.ofPairs n
        let scale = Array.init n (fun i -> 1.0 / sqrt (float (rows.Degree(i * 1<node>))))

        let tensors (csr: Csr) =
            let values = Csr.pairs csr |> Array.map (fun (struct (i, j)) -> float32 (scale[i] * scale[j]))

            let keep (make: unit -> Tensor) =
                (Scope.freeing Seq.singleton (fun () -> (make ()).``to`` device)).DetachFromDisposeScope()

            keep (fun () -> torch.tensor (csr.Offsets.ToArray())),
            keep (fun () -> torch.tensor (csr.Neighbours.ToArray())),
            keep (fun () -> torch.tensor values)

        let rowOffsets, columns, values = tensors rows
        // Both ends are scaled by the row's degree, also on directed graphs, as PyG does: so the transpose holds the same values.
        let transposedRowOffsets, transposedColumns, transposedValues = tensors (Csr.transpose rows)

        {
            RowOffsets = rowOffsets
            Columns = columns
            Values = values
            TransposedRowOffsets = transposedRowOffsets
            TransposedColumns = transposedColumns
            TransposedValues = transposedValues
        }

/// The shape of a 2-layer graph convolutional network.
type GcnConfig = {
    /// d, width of the node features.
    Inputs: int
    Hidden: int
    Classes: int
    /// Dropped share of the features and of the hidden layer.
    Dropout: float
}

/// Kipf & Welling 2017 with batch norm between its two layers, as GLEM's official GCN has it. Names as PyG spells them.
module Gcn =
    let private momentum = 0.1
    let private epsilon = 1e-5

    /// Glorot-uniform matrices, zero biases (PyG's GCNConv).
    let initial (config: GcnConfig) (generator: torch.Generator) : Weights =
        use _ = torch.NewDisposeScope()
        let weights = Dictionary<string, Weight>()
        let keep name (tensor: Tensor) = weights.Add(name, Weight.ofTensor tensor)

        let glorot name outputs inputs =
            let bound = sqrt (6.0 / float (outputs + inputs))
            let unit = torch.rand ([| int64 outputs; int64 inputs |], generator = generator)
            keep name (unit * (2.0 * bound) - bound)

        glorot "conv1.lin.weight" config.Hidden config.Inputs
        keep "conv1.bias" (torch.zeros [| int64 config.Hidden |])
        keep "bn.weight" (torch.ones [| int64 config.Hidden |])
        keep "bn.bias" (torch.zeros [| int64 config.Hidden |])
        keep "bn.running_mean" (torch.zeros [| int64 config.Hidden |])
        keep "bn.running_var" (torch.ones [| int64 config.Hidden |])
        glorot "conv2.lin.weight" config.Classes config.Hidden
        keep "conv2.bias" (torch.zeros [| int64 config.Classes |])
        weights

    let role (name: string) = if name.StartsWith "bn.running_" then Runs else Trains

    /// y = P x W^T + b. Multiplies on the narrower side of the product first.
    let private convolve (graph: Propagation) (x: Tensor) (weight: Tensor) (bias: Tensor) =
        let narrows = weight.shape[0] < weight.shape[1]
        let product (x: Tensor) = torch.nn.functional.linear (x, weight)
        let y = if narrows then graph.Propagate(product x) else product (graph.Propagate x)
        y.add bias

    /// Class logits : [n; c] of x : [n; d]. Training moves the running statistics.
    let forward (config: GcnConfig) (p: Parameters) mode (graph: Propagation) (x: Tensor) =
        let dropout place (x: Tensor) =
            match mode with
            | Evaluating -> x
            | Training seed -> Ops.Dropout(x, config.Dropout, seed * 1000003L + place)

        let norm (x: Tensor) =
            torch.nn.functional.batch_norm (
                x,
                p["bn.running_mean"],
                p["bn.running_var"],
                p["bn.weight"],
                p["bn.bias"],
                mode <> Evaluating,
                momentum,
                epsilon
            )

        let hidden = convolve graph (dropout 1L x) p["conv1.lin.weight"] p["conv1.bias"] |> norm
        convolve graph (hidden.relu () |> dropout 2L) p["conv2.lin.weight"] p["conv2.bias"]
