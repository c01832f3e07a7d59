using System;
using System.Collections.Generic;
using System.Linq;
using Glem.Torch.Extensions;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Glem.Torch.Tests.Kernels;

/// <summary>Sums, softmax, scores and maxima over edges, each against its plain twin in float64.</summary>
public class EdgeTests
{
    public static TheoryData<long, long> Heads => new()
    {
        { 1, 1 }, { 1, 128 }, { 3, 4 }, { 8, 8 }, { 4, 32 }, { 3, 7 }, { 2, 200 }, { 40, 1 }, { 5, 16 },
    };

    [Theory]
    [MemberData(nameof(Heads))]
    public void Weighted_sums_over_edges_and_both_gradients_agree(long heads, long width) =>
        Agrees(
            (edges, x) => GraphOps.EdgeSpmm(edges, x[0], x[1]),
            (edges, x) => PlainGraphOps.EdgeSpmm(edges, x[0], x[1]),
            graph => [randn(graph.Count, heads), randn(graph.Sources, heads * width)]);

    [Theory]
    [InlineData(1)]
    [InlineData(8)]
    [InlineData(40)]
    public void The_softmax_over_edges_agrees(long heads) =>
        Agrees(
            (edges, x) => GraphOps.EdgeSoftmax(edges, x[0]),
            (edges, x) => PlainGraphOps.EdgeSoftmax(edges, x[0]),
            graph => [randn(graph.Count, heads) * 3]);

    [Theory]
    [InlineData(1)]
    [InlineData(8)]
    public void GAT_scores_agree(long heads) =>
        Agrees(
            (edges, x) => GraphOps.GatScores(edges, x[0], x[1], 0.2),
            (edges, x) => PlainGraphOps.GatScores(edges, x[0], x[1], 0.2),
            graph => [randn(graph.Sources, heads), randn(graph.Targets, heads)]);

    [Theory]
    [MemberData(nameof(Heads))]
    public void GATv2_scores_agree(long heads, long width) =>
        Agrees(
            (edges, x) => GraphOps.Gatv2Scores(edges, x[0], x[1], x[2], heads, 0.2),
            (edges, x) => PlainGraphOps.Gatv2Scores(edges, x[0], x[1], x[2], heads, 0.2),
            graph => [randn(graph.Sources, heads * width), randn(graph.Targets, heads * width), randn(heads * width)]);

    [Theory]
    [InlineData(1)]
    [InlineData(33)]
    [InlineData(128)]
    public void Maxima_over_edges_agree(long d) =>
        Agrees(
            (edges, x) => GraphOps.SpmmMax(edges, x[0]),
            (edges, x) => PlainGraphOps.SpmmMax(edges, x[0]),
            graph => [randn(graph.Sources, d)]);

    [Fact]
    public void Of_equal_maxima_the_first_edge_has_the_gradient()
    {
        using var scope = NewDisposeScope();
        using var edges = new Graph(2, 3, [(0, 2), (0, 1), (0, 2), (1, 0)]).Index();
        foreach (var max in new Func<EdgeIndex, Tensor, Tensor>[] { GraphOps.SpmmMax, PlainGraphOps.SpmmMax })
        {
            var x = zeros(3, 1).requires_grad_();
            max(edges, x).sum().backward();
            Assert.Equal([1f, 0f, 1f], x.grad!.data<float>().ToArray());
        }
    }

    [Fact]
    public void Scores_of_negative_infinity_leave_edges_out_and_targets_without_any_other_at_0()
    {
        using var scope = NewDisposeScope();
        using var edges = new Graph(3, 2, [(0, 0), (0, 1), (2, 1)]).Index();
        var scores = tensor(new[] { float.NegativeInfinity, 5f, float.NegativeInfinity }).reshape(3, 1);
        foreach (var softmax in new Func<EdgeIndex, Tensor, Tensor>[] { GraphOps.EdgeSoftmax, PlainGraphOps.EdgeSoftmax })
            Assert.Equal([0f, 1f, 0f], softmax(edges, scores).data<float>().ToArray());
    }

    [Fact]
    public void The_softmax_takes_scores_of_any_size_and_shows_what_is_not_a_number()
    {
        using var scope = NewDisposeScope();
        using var edges = new Graph(2, 2, [(0, 0), (0, 1), (1, 0), (1, 1)]).Index();
        var scores = tensor(new[] { 3e4f, 3e4f, float.NaN, 0f }).reshape(4, 1);
        var shares = GraphOps.EdgeSoftmax(edges, scores).data<float>().ToArray();
        Assert.Equal([0.5f, 0.5f], shares[..2]);
        Assert.True(float.IsNaN(shares[2]));
    }

    [Fact]
    public void The_number_of_threads_does_not_change_a_bit()
    {
        using var scope = NewDisposeScope();
        manual_seed(4);
        using var edges = Graph.Random(5000, 5000, 40000, 7).Index();
        var start = new[] { randn(5000, 24), randn(5000, 24), randn(24) };
        var threads = get_num_threads();
        try
        {
            var answers = new[] { 1, 2 }.Select(n =>
            {
                set_num_threads(n);
                var x = start.Select(t => t.clone().requires_grad_()).ToArray();
                var alpha = GraphOps.EdgeSoftmax(edges, GraphOps.Gatv2Scores(edges, x[0], x[1], x[2], 3, 0.2));
                var out_ = GraphOps.EdgeSpmm(edges, alpha, x[0]) + GraphOps.SpmmMax(edges, x[1]);
                out_.square().sum().backward();
                return x.Select(t => t.grad!.data<float>().ToArray()).Append(out_.data<float>().ToArray()).ToArray();
            }).ToArray();
            for (var i = 0; i < answers[0].Length; i++)
                Assert.Equal(answers[0][i], answers[1][i]);
        }
        finally
        {
            set_num_threads(threads);
        }
    }

    [Fact]
    public void Weights_and_heads_that_do_not_fit_are_refused()
    {
        using var scope = NewDisposeScope();
        var graph = Graph.Random(6, 5, 12, 1);
        using var edges = graph.Index();
        var error = Assert.ThrowsAny<Exception>(() => GraphOps.EdgeSpmm(edges, randn(11, 2), randn(5, 4)));
        Assert.Contains("weight must be [12; d]", error.Message);
        error = Assert.ThrowsAny<Exception>(() => GraphOps.EdgeSpmm(edges, randn(12, 3), randn(5, 4)));
        Assert.Contains("3 heads do not divide 4 columns", error.Message);
        error = Assert.ThrowsAny<Exception>(() => GraphOps.SpmmMax(edges, randn(6, 4)));
        Assert.Contains("x must be [5; d]", error.Message);
    }

    private static void Agrees(
        Func<EdgeIndex, Tensor[], Tensor> kernel, Func<EdgeIndex, Tensor[], Tensor> twin, Func<Graph, Tensor[]> inputs)
    {
        using var scope = NewDisposeScope();
        manual_seed(2);
        foreach (var graph in new[] { Graph.Random(60, 45, 300, 3), Graph.Random(9, 9, 0, 3), Graph.Random(1, 2, 700, 5) })
        {
            using var edges = graph.Index();
            Agreement.Holds(Agreement.Float32, x => kernel(edges, x), x => twin(edges, x), inputs(graph));
        }
    }

    /// <summary>Edges (target, source) in any order, parallel ones among them; half of the targets have none.</summary>
    private sealed class Graph(int targets, int sources, (int Target, int Source)[] edges)
    {
        internal long Targets => targets;

        internal long Sources => sources;

        internal long Count => edges.Length;

        internal static Graph Random(int targets, int sources, int count, int seed)
        {
            var random = new Random(seed);
            var used = Math.Max(1, targets / 2);
            return new(targets, sources, [.. Enumerable.Range(0, count).Select(_ => (random.Next(used), random.Next(sources)))]);
        }

        internal EdgeIndex Index()
        {
            var sorted = edges.OrderBy(e => e.Target).ToArray();
            var transposed = Enumerable.Range(0, sorted.Length).OrderBy(e => sorted[e].Source).ToArray();
            return new(
                Bounds(sorted.Select(e => e.Target), targets),
                tensor(sorted.Select(e => e.Source).ToArray()),
                Bounds(sorted.Select(e => e.Source), sources),
                tensor(transposed.Select(e => sorted[e].Target).ToArray()),
                tensor(transposed));
        }

        private static Tensor Bounds(IEnumerable<int> rows, int n)
        {
            var bounds = new int[n + 1];
            foreach (var row in rows)
                bounds[row + 1]++;
            for (var i = 0; i < n; i++)
                bounds[i + 1] += bounds[i];
            return tensor(bounds);
        }
    }
}
