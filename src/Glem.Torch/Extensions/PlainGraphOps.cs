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
        var messages = x.index_select(0, edges.Col).reshape(-1, heads, x.shape[1] / heads) * weight.unsqueeze(-1);
        return SumByTarget(edges, messages.reshape(-1, x.shape[1])).MoveToOuterDisposeScope();
    }

    /// <summary>As <see cref="GraphOps.EdgeSoftmax"/>.</summary>
    public static Tensor EdgeSoftmax(EdgeIndex edges, Tensor score)
    {
        using var scope = NewDisposeScope();
        var targets = Targets(edges);
        var top = MaxByTarget(edges, score.detach());
        var safe = top.masked_fill(top.isinf(), 0.0);
        var powers = (score - safe.index_select(0, targets)).exp();
        var sums = SumByTarget(edges, powers);
        // A target whose edges are all left out divides 0 by 1.
        var shares = powers / sums.masked_fill(sums.eq(0.0), 1.0).index_select(0, targets);
        return shares.MoveToOuterDisposeScope();
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
        var terms = nn.functional.leaky_relu(Ends(edges, source, target), slope) * att;
        return terms.reshape(-1, heads, source.shape[1] / heads).sum(-1).MoveToOuterDisposeScope();
    }

    /// <summary>As <see cref="GraphOps.SpmmMax"/>.</summary>
    public static Tensor SpmmMax(EdgeIndex edges, Tensor x)
    {
        using var scope = NewDisposeScope();
        var targets = Targets(edges);
        var messages = x.index_select(0, edges.Col);
        var e = messages.shape[0];
        var tops = MaxByTarget(edges, messages.detach());
        // The first edge that has the largest value, as the negative of the largest negative number.
        var numbers = arange(e, x.dtype, x.device).neg().unsqueeze(1).expand_as(messages);
        var isTop = messages.detach().eq(tops.index_select(0, targets));
        var first = MaxByTarget(edges, numbers.masked_fill(isTop.logical_not(), double.NegativeInfinity));
        var none = first.isinf();
        // Nothing to choose from, but still a function of x.
        if (e == 0)
            return messages.sum([0L], true).expand(first.shape).MoveToOuterDisposeScope();
        var chosen = messages.gather(0, first.masked_fill(none, 0.0).neg().to(int64));
        return chosen.masked_fill(none, 0.0).MoveToOuterDisposeScope();
    }

    /// <summary>The sum of both ends' rows for every edge: [e; d].</summary>
    private static Tensor Ends(EdgeIndex edges, Tensor source, Tensor target) =>
        source.index_select(0, edges.Col) + target.index_select(0, Targets(edges));

    /// <summary>Every edge's target: [e], int64.</summary>
    private static Tensor Targets(EdgeIndex edges)
    {
        var n = edges.RowPtr.shape[0] - 1;
        var degrees = (edges.RowPtr.narrow(0, 1, n) - edges.RowPtr.narrow(0, 0, n)).to(int64);
        return arange(n, int64, edges.RowPtr.device).repeat_interleave(degrees);
    }

    private static Tensor SumByTarget(EdgeIndex edges, Tensor x) =>
        zeros(edges.RowPtr.shape[0] - 1, x.shape[1], x.dtype, x.device).index_add(0, Targets(edges), x, 1);

    /// <summary>
    /// The largest value of each target's edges, column by column, -infinity where there is none: [n; d] of [e; d]. Looks
    /// at every target's k-th edge at once, for each k. No gradient.
    /// </summary>
    private static Tensor MaxByTarget(EdgeIndex edges, Tensor x)
    {
        var n = edges.RowPtr.shape[0] - 1;
        var starts = edges.RowPtr.narrow(0, 0, n).to(int64);
        var degrees = edges.RowPtr.narrow(0, 1, n).to(int64) - starts;
        var best = full(n, x.shape[1], double.NegativeInfinity, x.dtype, x.device);
        if (x.shape[0] == 0)
            return best;
        for (var k = 0L; k < degrees.max().item<long>(); k++)
        {
            var row = x.index_select(0, (starts + k).clamp_max(x.shape[0] - 1));
            best = best.maximum(row.masked_fill(degrees.le(k).unsqueeze(1), double.NegativeInfinity));
        }
        return best;
    }
}
