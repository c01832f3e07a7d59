namespace Glem

open TorchSharp
open Glem.Torch.Extensions

/// Edge weights that have gradients, for networks that learn them: GraphOps.EdgeSpmm propagates under them.
module EdgeWeights =
    /// Every edge's target : [e] int64.
    let private targets (edges: EdgeIndex) =
        let n = edges.RowPtr.shape[0] - 1L
        let degrees = (edges.RowPtr.narrow(0L, 1L, n).sub(edges.RowPtr.narrow (0L, 0L, n))).``to`` torch.int64
        torch.arange(n, dtype = torch.int64, device = edges.RowPtr.device).repeat_interleave degrees

    /// d_i^-1/2 w_ij d_j^-1/2 with d_i the weights into i, 1/sqrt(0) counting 0 (PyG's gcn_norm) : [e; 1] of [e; 1].
    let normalised (edges: EdgeIndex) (weights: Tensor) =
        let n = edges.RowPtr.shape[0] - 1L
        let degrees = GraphOps.EdgeSpmm(edges, weights, torch.ones ([| n; 1L |], device = weights.device))
        let none = degrees.eq (0.0.ToScalar())
        let scale = degrees.masked_fill(none, 1.0.ToScalar()).rsqrt().masked_fill(none, 0.0.ToScalar())
        weights.mul(scale.index_select (0L, targets edges)).mul(scale.index_select (0L, edges.Col))
