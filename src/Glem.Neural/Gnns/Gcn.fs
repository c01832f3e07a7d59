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

/// How a weight matrix starts.
type MatrixStart =
    /// Uniform within sqrt(6 / (inputs + outputs)) (Glorot & Bengio 2010; PyG's GCNConv).
    | Glorot
    /// Uniform within 1 / sqrt(outputs) (Kipf's pygcn, and GMNN after it).
    | FanOut

/// A 2-layer graph convolutional network.
type GcnConfig = {
    /// d, width of the node features.
    Inputs: int
    Hidden: int
    Classes: int
    /// Dropped share of the features.
    InputDropout: float
    /// Dropped share of the hidden layer.
    HiddenDropout: float
    /// Whether the hidden layer is normalised over the nodes before its ReLU.
    BatchNorm: bool
    /// Whether the convolutions add a bias.
    Biases: bool
    Start: MatrixStart
}

module GcnConfig =
    /// GLEM's official GCN: PyG's convolutions with batch norm between them, one dropout rate.
    let glem (dropout: float) (inputs: int) (hidden: int) (classes: int) = {
        Inputs = inputs
        Hidden = hidden
        Classes = classes
        InputDropout = dropout
        HiddenDropout = dropout
        BatchNorm = true
        Biases = true
        Start = Glorot
    }

    /// GMNN's GNNs (Qu, Bengio & Tang 2019, released code): weight matrices alone.
    let gmnn (inputDropout: float) (hiddenDropout: float) (inputs: int) (hidden: int) (classes: int) = {
        Inputs = inputs
        Hidden = hidden
        Classes = classes
        InputDropout = inputDropout
        HiddenDropout = hiddenDropout
        BatchNorm = false
        Biases = false
        Start = FanOut
    }

/// Kipf & Welling 2017, plain or with batch norm between its two layers. Names as PyG spells them.
module Gcn =
    let private momentum = 0.1
    let private epsilon = 1e-5

    /// Random matrices, zero biases.
    let initial (config: GcnConfig) (generator: torch.Generator) : Weights =
        use _ = torch.NewDisposeScope()
        let weights = Dictionary<string, Weight>()
        let keep name (tensor: Tensor) = weights.Add(name, Weight.ofTensor tensor)

        let matrix name outputs inputs =
            let bound =
                match config.Start with
                | Glorot -> sqrt (6.0 / float (outputs + inputs))
                | FanOut -> 1.0 / sqrt (float outputs)

            let unit = torch.rand ([| int64 outputs; int64 inputs |], generator = generator)
            keep name (unit * (2.0 * bound) - bound)

        let layer name outputs inputs =
            matrix $"%s{name}.lin.weight" outputs inputs

            if config.Biases then
                keep $"%s{name}.bias" (torch.zeros [| int64 outputs |])

        layer "conv1" config.Hidden config.Inputs

        if config.BatchNorm then
            keep "bn.weight" (torch.ones [| int64 config.Hidden |])
            keep "bn.bias" (torch.zeros [| int64 config.Hidden |])
            keep "bn.running_mean" (torch.zeros [| int64 config.Hidden |])
            keep "bn.running_var" (torch.ones [| int64 config.Hidden |])

        layer "conv2" config.Classes config.Hidden
        weights

    let role (name: string) = if name.StartsWith "bn.running_" then Runs else Trains

    /// y = P x W^T + b. Multiplies on the narrower side of the product first; sparse features always by W first.
    let private convolve (config: GcnConfig) (p: Parameters) (graph: Propagation) (layer: string) (x: NodeFeatures) =
        let weight = p[$"%s{layer}.lin.weight"]

        let y =
            match x with
            | Dense x when weight.shape[0] >= weight.shape[1] -> torch.nn.functional.linear (graph.Propagate x, weight)
            | x -> graph.Propagate(NodeFeatures.linear weight x)

        if config.Biases then y.add p[$"%s{layer}.bias"] else y

    /// Class logits : [n; c] of x : [n; d]. Training moves the running statistics.
    let forward (config: GcnConfig) (p: Parameters) mode (graph: Propagation) (x: NodeFeatures) =
        let dropout place share (x: NodeFeatures) =
            match mode with
            | Training seed when share > 0.0 -> NodeFeatures.dropout share (seed * 1000003L + place) x
            | _ -> x

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

        let hidden = x |> dropout 1L config.InputDropout |> convolve config p graph "conv1"
        let hidden = if config.BatchNorm then norm hidden else hidden

        Dense(hidden.relu ()) |> dropout 2L config.HiddenDropout |> convolve config p graph "conv2"
