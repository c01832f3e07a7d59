using TorchSharp;
using static TorchSharp.torch;

namespace Glem.Torch.Extensions;

/// <summary>
/// Operators over a graph's edges: n targets, m sources, e edges, d = heads * width columns, a node's heads side by side.
/// All are differentiable and answer the same bits for the same arguments and build, whatever the number of threads. On
/// the CPU float32 and bfloat16 take the kernels of native/, which never hold a row of features for each edge and share
/// a node with many edges among threads; other devices and types take <see cref="PlainGraphOps"/>.
/// <para>What belongs to a node may be bfloat16, and its sums are float32 until they are stored. Scores and weights of
/// edges are better left float32: they are little beside the rows that the edges gather. So scores and dot products of
/// bfloat16 rows are float32; a softmax keeps the type that it is given.</para>
/// </summary>
public static class GraphOps
{
    private static readonly Lazy<bool> native = new(() => NativeOps.Has("glem::edge_spmm"));

    private static bool Native(Tensor x) =>
        x.device.type == DeviceType.CPU && x.dtype is (ScalarType.Float32 or ScalarType.BFloat16) && native.Value;

    /// <summary>
    /// y_i = the sum over the in-edges of i of weight_e x_source(e), head by head; weights have a gradient too, which is
    /// <see cref="Sddmm"/>.
    /// </summary>
    /// <param name="edges">The graph.</param>
    /// <param name="weight">[e; heads], of x's type or float32.</param>
    /// <param name="x">[m; d].</param>
    /// <returns>[n; d], of x's type.</returns>
    public static Tensor EdgeSpmm(EdgeIndex edges, Tensor weight, Tensor x) =>
        Native(x)
            ? NativeOps.Call(
                "glem::edge_spmm", edges.RowPtr, edges.Col, edges.RowPtrT, edges.ColT, edges.Order, weight, x)
            : PlainGraphOps.EdgeSpmm(edges, weight, x);

    /// <summary>
    /// &lt;target_i, source_j&gt; for every edge j to i, head by head: a product of two dense matrices, sampled where the
    /// graph has edges (SDDMM), and the scores of dot-product attention. Its gradients are sums as
    /// <see cref="EdgeSpmm"/>'s.
    /// </summary>
    /// <param name="edges">The graph.</param>
    /// <param name="target">[n; d].</param>
    /// <param name="source">[m; d], of target's type.</param>
    /// <param name="heads">A divisor of d.</param>
    /// <returns>[e; heads], float32 for bfloat16.</returns>
    public static Tensor Sddmm(EdgeIndex edges, Tensor target, Tensor source, long heads) =>
        Native(source)
            ? NativeOps.Call(
                "glem::sddmm", edges.RowPtr, edges.Col, edges.RowPtrT, edges.ColT, edges.Order, target, source, heads)
            : PlainGraphOps.Sddmm(edges, target, source, heads);

    /// <summary>
    /// The softmax over each target's in-edges, head by head. A score of negative infinity leaves its edge out; a target
    /// without any other edge has weights of 0.
    /// </summary>
    /// <param name="edges">The graph.</param>
    /// <param name="score">[e; heads].</param>
    /// <returns>[e; heads].</returns>
    public static Tensor EdgeSoftmax(EdgeIndex edges, Tensor score) =>
        Native(score)
            ? NativeOps.Call("glem::edge_softmax", edges.RowPtr, score)
            : PlainGraphOps.EdgeSoftmax(edges, score);

    /// <summary>leaky_relu(source_j + target_i) for every edge j to i (Velickovic et al. 2018, eq. 3).</summary>
    /// <param name="edges">The graph.</param>
    /// <param name="source">[m; heads].</param>
    /// <param name="target">[n; heads].</param>
    /// <param name="slope">Of the negative part; at least 0.</param>
    /// <returns>[e; heads], float32 for bfloat16.</returns>
    public static Tensor GatScores(EdgeIndex edges, Tensor source, Tensor target, double slope) =>
        Native(source)
            ? NativeOps.Call(
                "glem::gat_scores", edges.RowPtr, edges.Col, edges.RowPtrT, edges.ColT, edges.Order, source, target,
                slope)
            : PlainGraphOps.GatScores(edges, source, target, slope);

    /// <summary>
    /// &lt;att, leaky_relu(source_j + target_i)&gt; for every edge j to i, head by head (Brody et al. 2022, eq. 7).
    /// </summary>
    /// <param name="edges">The graph.</param>
    /// <param name="source">[m; d].</param>
    /// <param name="target">[n; d].</param>
    /// <param name="att">[d].</param>
    /// <param name="heads">A divisor of d.</param>
    /// <param name="slope">Of the negative part; at least 0.</param>
    /// <returns>[e; heads], float32 for bfloat16.</returns>
    public static Tensor Gatv2Scores(
        EdgeIndex edges, Tensor source, Tensor target, Tensor att, long heads, double slope) =>
        Native(source)
            ? NativeOps.Call(
                "glem::gatv2_scores", edges.RowPtr, edges.Col, edges.RowPtrT, edges.ColT, edges.Order, source, target,
                att, heads, slope)
            : PlainGraphOps.Gatv2Scores(edges, source, target, att, heads, slope);

    /// <summary>
    /// The largest of x over each target's sources, column by column; 0 where there is none. Of equal ones the first
    /// has the gradient.
    /// </summary>
    /// <param name="edges">The graph.</param>
    /// <param name="x">[m; d].</param>
    /// <returns>[n; d].</returns>
    public static Tensor SpmmMax(EdgeIndex edges, Tensor x) =>
        Native(x)
            ? NativeOps.Call("glem::spmm_max", edges.RowPtr, edges.Col, edges.RowPtrT, edges.ColT, edges.Order, x)
            : PlainGraphOps.SpmmMax(edges, x);

    /// <summary>The sum of each run of rows; 0 for an empty one. <see cref="Ops.SegmentMean"/> is their mean.</summary>
    /// <param name="x">[t; d].</param>
    /// <param name="offsets">[b + 1], int32 or int64, rises from 0 to t: run i is rows offsets[i] up to offsets[i + 1].</param>
    /// <returns>[b; d].</returns>
    public static Tensor SegmentSum(Tensor x, Tensor offsets) =>
        Native(x) ? NativeOps.Call("glem::segment_sum", x, offsets) : PlainGraphOps.SegmentSum(x, offsets);

    /// <summary>
    /// The largest of each run of rows, column by column; 0 for an empty one. Of equal ones the first has the gradient.
    /// </summary>
    /// <param name="x">[t; d].</param>
    /// <param name="offsets">As <see cref="SegmentSum"/> has them.</param>
    /// <returns>[b; d].</returns>
    public static Tensor SegmentMax(Tensor x, Tensor offsets) =>
        Native(x) ? NativeOps.Call("glem::segment_max", x, offsets) : PlainGraphOps.SegmentMax(x, offsets);
}
