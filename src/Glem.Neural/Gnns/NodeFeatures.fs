namespace Glem

open System
open TorchSharp
open Glem.Torch.Extensions

/// Bags of words as tensors: a sparse matrix [n; d] by rows, and its transpose for the backward pass. Owns its tensors.
///   RowOffsets : [n+1] int32   Columns : [e] int32   Values : [e] float32
///   TransposedRowOffsets : [d+1] int32   TransposedColumns : [e] int32
///   Order : [e] int64, where an entry of the transpose lies among Values
type SparseFeatures = {
    RowOffsets: Tensor
    Columns: Tensor
    Values: Tensor
    TransposedRowOffsets: Tensor
    TransposedColumns: Tensor
    Order: Tensor
} with

    interface IDisposable with
        member this.Dispose() =
            for tensor in
                [
                    this.RowOffsets
                    this.Columns
                    this.Values
                    this.TransposedRowOffsets
                    this.TransposedColumns
                    this.Order
                ] do
                tensor.Dispose()

module SparseFeatures =
    /// From rows: row i holds values[offsets[i] .. offsets[i+1]-1] at `columns`. The caller owns the tensors.
    ///   offsets : [n+1]   columns, values : [e], columns in 0 .. width-1
    let ofRows (device: torch.Device) (width: int) (offsets: int[]) (columns: int[]) (values: float32[]) =
        let rowOf = Array.zeroCreate columns.Length

        for row in 0 .. offsets.Length - 2 do
            for at in offsets[row] .. offsets[row + 1] - 1 do
                rowOf[at] <- row

        // A stable order by column: rows stay ascending within each column.
        let order = Array.init columns.Length id |> Array.sortBy (fun at -> struct (columns[at], at))
        let transposedOffsets = Edges.offsets width columns
        let keep = Scope.kept device

        {
            RowOffsets = keep (fun () -> torch.tensor offsets)
            Columns = keep (fun () -> torch.tensor columns)
            Values = keep (fun () -> torch.tensor values)
            TransposedRowOffsets = keep (fun () -> torch.tensor transposedOffsets)
            TransposedColumns = keep (fun () -> order |> Array.map (fun at -> rowOf[at]) |> torch.tensor)
            Order = keep (fun () -> order |> Array.map int64 |> torch.tensor)
        }

/// What a graph network reads of the nodes, [n; d]: embeddings and label distributions are dense, bags of words sparse.
type NodeFeatures =
    | Dense of Tensor
    | Sparse of SparseFeatures
    /// A dense matrix of which a share is dropped wherever it is read, so that no dropped copy of it is held.
    | Dropped of x: Tensor * share: float * seed: int64

module NodeFeatures =
    /// Drops a share of the entries; a sparse matrix's zeros need no dropping.
    let dropout (share: float) (seed: int64) x =
        match x with
        | Dense x -> Dense(Ops.Dropout(x, share, seed))
        | Dropped(x, own, ownSeed) -> Dropped(Ops.Dropout(x, share, seed), own, ownSeed)
        | Sparse x ->
            Sparse {
                x with
                    Values = Ops.Dropout(x.Values, share, seed)
            }

    /// The same where the features are read: for a product or two, because each reading drops them anew.
    let dropoutWhenRead (share: float) (seed: int64) x =
        match x with
        | Dense x -> Dropped(x, share, seed)
        | Sparse _
        | Dropped _ -> dropout share seed x

    /// x W^T : [n; d] and [h; d] -> [n; h].
    let linear (weight: Tensor) x =
        match x with
        | Dense x -> torch.nn.functional.linear (x, weight)
        | Dropped(x, share, seed) -> Array.exactlyOne (Ops.DropoutLinear(x, [| weight |], share, seed))
        | Sparse x ->
            Ops.Spmm(
                x.RowOffsets,
                x.Columns,
                x.Values,
                x.TransposedRowOffsets,
                x.TransposedColumns,
                x.Values.index_select (0L, x.Order),
                weight.t ()
            )

    /// x V^T and x W^T, whose gradient to x is one matrix and not two and their sum.
    let twoLinear (v: Tensor) (w: Tensor) x =
        let both (x: Tensor) share seed =
            let products = Ops.DropoutLinear(x, [| v; w |], share, seed)
            products[0], products[1]

        match x with
        | Dense x -> both x 0.0 0L
        | Dropped(x, share, seed) -> both x share seed
        | Sparse _ -> linear v x, linear w x

    /// The rows of the first b nodes : [b; d], for networks on a part of a graph, whose features are dense.
    let first (b: int64) x =
        match x with
        | Dense x when x.shape[0] > b -> Dense(x.narrow (0L, 0L, b))
        // A mask goes by the element's number, and the first rows' are the same.
        | Dropped(x, share, seed) when x.shape[0] > b -> Dropped(x.narrow (0L, 0L, b), share, seed)
        | x -> x

    /// The matrix itself : [n; d], for networks that gather before they multiply.
    let toDense x =
        match x with
        | Dense x -> x
        | Dropped(x, share, seed) -> Ops.Dropout(x, share, seed)
        | Sparse sparse ->
            linear (torch.eye (sparse.TransposedRowOffsets.shape[0] - 1L, device = sparse.Values.device)) x
