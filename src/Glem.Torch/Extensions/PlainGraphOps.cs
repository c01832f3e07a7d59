using static TorchSharp.torch;

namespace Glem.Torch.Extensions;

/// <summary>
/// The operators of <see cref="GraphOps"/> written in TorchSharp's own: the clear version, the tests' oracle, and what
/// runs on a GPU and on the official package. They hold a row for each edge; autograd needs no transpose here.
/// </summary>
public static class PlainGraphOps
{
    /// <summary>As <see cref="GraphOps.EdgeSpmm"/>.</summary>
    public static Tensor EdgeSpmm(EdgeIndex edges, Tensor weight, Tensor x)
    {
        using var scope = NewDisposeScope();
        var heads = weight.shape[1];
        var rows = Wide(x).index_select(0, edges.Col).reshape(-1, heads, x.shape[1] / heads);
        var messages = (rows * weight.to(rows.dtype).unsqueeze(-1)).reshape(-1, x.shape[1]);
        return SumRuns(messages, edges.RowPtr).to(x.dtype).MoveToOuterDisposeScope();
    }

    /// <summary>As <see cref="GraphOps.Sddmm"/>.</summary>
    public static Tensor Sddmm(EdgeIndex edges, Tensor target, Tensor source, long heads)
    {
        using var scope = NewDisposeScope();
        var terms = Wide(target).index_select(0, Owners(edges.RowPtr)) * Wide(source).index_select(0, edges.Col);
        return terms.reshape(-1, heads, source.shape[1] / heads).sum(-1).MoveToOuterDisposeScope();
    }

    /// <summary>As <see cref="GraphOps.EdgeSoftmax"/>.</summary>
    public static Tensor EdgeSoftmax(EdgeIndex edges, Tensor score)
    {
        using var scope = NewDisposeScope();
        var (wide, targets) = (Wide(score), Owners(edges.RowPtr));
        var top = MaxOfRuns(wide.detach(), edges.RowPtr);
        var safe = top.masked_fill(top.isinf(), 0.0);
        var powers = (wide - safe.index_select(0, targets)).exp();
        var sums = SumRuns(powers, edges.RowPtr);
        // A target whose edges are all left out divides 0 by 1.
        var shares = powers / sums.masked_fill(sums.eq(0.0), 1.0).index_select(0, targets);
        return shares.to(score.dtype).MoveToOuterDisposeScope();
    }

    /// <summary>As <see cref="GraphOps.GatScores"/>.</summary>
    public static Tensor GatScores(EdgeIndex edges, Tensor source, Tensor target, double slope)
    {
        using var scope = NewDisposeScope();
        return nn.functional.leaky_relu(Ends(edges, source, target), slope).MoveToOuterDisposeScope();
    }

    /// <summary>As <see cref="GraphOps.Gatv2Scores"/>.</summary>
    public static Tensor Gatv2Scores(
        EdgeIndex edges, Tensor source, Tensor target, Tensor att, long heads, double slope)
    {
        using var scope = NewDisposeScope();
        var terms = nn.functional.leaky_relu(Ends(edges, source, target), slope) * Wide(att);
        return terms.reshape(-1, heads, source.shape[1] / heads).sum(-1).MoveToOuterDisposeScope();
    }

    /// <summary>As <see cref="GraphOps.SpmmMax"/>.</summary>
    public static Tensor SpmmMax(EdgeIndex edges, Tensor x)
    {
        using var scope = NewDisposeScope();
        return LargestOfRuns(Wide(x).index_select(0, edges.Col), edges.RowPtr).to(x.dtype).MoveToOuterDisposeScope();
    }

    /// <summary>As <see cref="GraphOps.SegmentSum"/>.</summary>
    public static Tensor SegmentSum(Tensor x, Tensor offsets)
    {
        using var scope = NewDisposeScope();
        return SumRuns(Wide(x), offsets.to(x.device)).to(x.dtype).MoveToOuterDisposeScope();
    }

    /// <summary>As <see cref="GraphOps.SegmentMax"/>.</summary>
    public static Tensor SegmentMax(Tensor x, Tensor offsets)
    {
        using var scope = NewDisposeScope();
        return LargestOfRuns(Wide(x), offsets.to(x.device)).to(x.dtype).MoveToOuterDisposeScope();
    }

    /// <summary>In float32 where it is bfloat16, so that sums, and those of gradients, are.</summary>
    private static Tensor Wide(Tensor x) => x.dtype == ScalarType.BFloat16 ? x.to(float32) : x;

    /// <summary>The sum of both ends' rows for every edge: [e; d].</summary>
    private static Tensor Ends(EdgeIndex edges, Tensor source, Tensor target) =>
        Wide(source).index_select(0, edges.Col) + Wide(target).index_select(0, Owners(edges.RowPtr));

    /// <summary>Which run each row is of, for the runs that the offsets [n + 1] bound: [e], int64.</summary>
    private static Tensor Owners(Tensor offsets) =>
        arange(offsets.shape[0] - 1, int64, offsets.device).repeat_interleave(Lengths(offsets));

    private static Tensor Lengths(Tensor offsets)
    {
        var n = offsets.shape[0] - 1;
        return (offsets.narrow(0, 1, n) - offsets.narrow(0, 0, n)).to(int64);
    }

    private static Tensor SumRuns(Tensor x, Tensor offsets) =>
        zeros(offsets.shape[0] - 1, x.shape[1], x.dtype, x.device).index_add(0, Owners(offsets), x, 1);

    /// <summary>The first of each run's largest rows, column by column, 0 where there is none: [n; d] of [e; d].</summary>
    private static Tensor LargestOfRuns(Tensor x, Tensor offsets)
    {
        var (n, e) = (offsets.shape[0] - 1, x.shape[0]);
        // Nothing to choose from, but still a function of x.
        if (e == 0)
            return x.sum([0L], true).expand(n, x.shape[1]);
        var isTop = x.detach().eq(MaxOfRuns(x.detach(), offsets).index_select(0, Owners(offsets)));
        // The first row that has the largest value, as the negative of the largest negative number.
        var numbers = arange(e, float64, x.device).neg().unsqueeze(1).expand_as(x);
        var first = MaxOfRuns(numbers.masked_fill(isTop.logical_not(), double.NegativeInfinity), offsets);
        var none = first.isinf();
        return x.gather(0, first.masked_fill(none, 0.0).neg().to(int64)).masked_fill(none, 0.0);
    }

    /// <summary>
    /// The largest value of each run, column by column, -infinity where there is none: [n; d] of [e; d]. Every row takes
    /// the maximum with the row 1, 2, 4, ... before it in its run, until the last one has seen all. No gradient.
    /// </summary>
    private static Tensor MaxOfRuns(Tensor x, Tensor offsets)
    {
        var (n, e) = (offsets.shape[0] - 1, x.shape[0]);
        if (e == 0)
            return full(n, x.shape[1], double.NegativeInfinity, x.dtype, x.device);
        var lengths = Lengths(offsets);
        var starts = offsets.narrow(0, 0, n).to(int64).index_select(0, Owners(offsets));
        var places = (arange(e, int64, x.device) - starts).unsqueeze(1);
        var longest = lengths.max().item<long>();
        for (var step = 1L; step < longest; step *= 2)
        {
            var before = x.narrow(0, 0, e - step).masked_fill(places.narrow(0, step, e - step).lt(step), double.NegativeInfinity);
            x = cat([x.narrow(0, 0, step), x.narrow(0, step, e - step).maximum(before)], 0);
        }
        var last = (offsets.narrow(0, 1, n).to(int64) - 1).clamp_min(0);
        return x.index_select(0, last).masked_fill(lengths.eq(0).unsqueeze(1), double.NegativeInfinity);
    }
}
