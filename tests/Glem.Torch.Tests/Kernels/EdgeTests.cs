using System;
using System.Linq;
using Glem.Torch.Extensions;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Glem.Torch.Tests.Kernels;

/// <summary>
/// Sums, products, softmax, scores and maxima over edges, each against its plain twin in float64, in float32 and in
/// bfloat16, on graphs with empty rows, without edges, of one node, and with hubs.
/// </summary>
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
    [MemberData(nameof(Heads))]
    public void Dot_products_on_edges_and_both_gradients_agree(long heads, long width) =>
        Agrees(
            (edges, x) => GraphOps.Sddmm(edges, x[0], x[1], heads),
            (edges, x) => PlainGraphOps.Sddmm(edges, x[0], x[1], heads),
            graph => [randn(graph.Targets, heads * width), randn(graph.Sources, heads * width)]);

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
    [InlineData(40)]
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

    [Theory]
    [InlineData(3, 7)]
    [InlineData(8, 2)]
    public void Nodes_of_most_edges_agree_in_every_operator(long heads, long width)
    {
        var graph = EdgeGraph.WithHubs(60, 45, 300, 6);
        var d = heads * width;
        // Sums of 20,000 float32 numbers.
        void Agree(
            Func<EdgeIndex, Tensor[], Tensor> kernel, Func<EdgeIndex, Tensor[], Tensor> twin, params long[][] shapes) =>
            Agrees(graph, 2e-5, kernel, twin, _ => [.. shapes.Select(shape => randn(shape))]);
        long e = graph.Count, n = graph.Targets, m = graph.Sources;
        Agree((g, x) => GraphOps.EdgeSpmm(g, x[0], x[1]), (g, x) => PlainGraphOps.EdgeSpmm(g, x[0], x[1]), [e, heads], [m, d]);
        Agree((g, x) => GraphOps.Sddmm(g, x[0], x[1], heads), (g, x) => PlainGraphOps.Sddmm(g, x[0], x[1], heads), [n, d], [m, d]);
        Agree((g, x) => GraphOps.EdgeSoftmax(g, x[0]), (g, x) => PlainGraphOps.EdgeSoftmax(g, x[0]), [e, heads]);
        Agree(
            (g, x) => GraphOps.GatScores(g, x[0], x[1], 0.2), (g, x) => PlainGraphOps.GatScores(g, x[0], x[1], 0.2),
            [m, heads], [n, heads]);
        Agree(
            (g, x) => GraphOps.Gatv2Scores(g, x[0], x[1], x[2], heads, 0.2),
            (g, x) => PlainGraphOps.Gatv2Scores(g, x[0], x[1], x[2], heads, 0.2), [m, d], [n, d], [d]);
        Agree((g, x) => GraphOps.SpmmMax(g, x[0]), (g, x) => PlainGraphOps.SpmmMax(g, x[0]), [m, d]);
    }

    [Fact]
    public void Sums_of_bfloat16_rows_take_weights_in_float32_and_give_each_its_gradient_in_its_own_type()
    {
        using var scope = NewDisposeScope();
        manual_seed(3);
        var graph = EdgeGraph.Random(60, 45, 300, 3);
        using var edges = graph.Index();
        foreach (var sum in new Func<EdgeIndex, Tensor, Tensor, Tensor>[] { GraphOps.EdgeSpmm, PlainGraphOps.EdgeSpmm })
        {
            var weight = randn(graph.Count, 2).requires_grad_();
            var x = randn(graph.Sources, 32).to(bfloat16).requires_grad_();
            var y = sum(edges, weight, x);
            y.to(float32).sum().backward();
            Assert.Equal((bfloat16, float32, bfloat16), (y.dtype, weight.grad!.dtype, x.grad!.dtype));
            Agreement.Holds(
                Agreement.BFloat16,
                t => sum(edges, t[0], t[1]),
                t => PlainGraphOps.EdgeSpmm(edges, t[0], t[1]),
                weight.detach(), x.detach());
        }
    }

    [Fact]
    public void Scores_of_bfloat16_rows_are_float32_and_a_softmax_keeps_its_type()
    {
        using var scope = NewDisposeScope();
        var graph = EdgeGraph.Random(6, 5, 12, 1);
        using var edges = graph.Index();
        var (source, target) = (randn(5, 4).to(bfloat16), randn(6, 4).to(bfloat16));
        Assert.Equal(float32, GraphOps.GatScores(edges, source, target, 0.2).dtype);
        Assert.Equal(float32, PlainGraphOps.GatScores(edges, source, target, 0.2).dtype);
        Assert.Equal(float32, GraphOps.Gatv2Scores(edges, source, target, source.select(0, 0), 2, 0.2).dtype);
        Assert.Equal(float32, PlainGraphOps.Gatv2Scores(edges, source, target, source.select(0, 0), 2, 0.2).dtype);
        Assert.Equal(float32, GraphOps.Sddmm(edges, target, source, 2).dtype);
        Assert.Equal(float32, PlainGraphOps.Sddmm(edges, target, source, 2).dtype);
        var scores = randn(12, 2).to(bfloat16);
        Assert.Equal(bfloat16, GraphOps.EdgeSoftmax(edges, scores).dtype);
        Assert.Equal(bfloat16, PlainGraphOps.EdgeSoftmax(edges, scores).dtype);
    }

    [Fact]
    public void Of_equal_maxima_the_first_edge_has_the_gradient()
    {
        using var scope = NewDisposeScope();
        using var edges = new EdgeGraph(2, 3, [(0, 2), (0, 1), (0, 2), (1, 0)]).Index();
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
        using var edges = new EdgeGraph(3, 2, [(0, 0), (0, 1), (2, 1)]).Index();
        var scores = tensor(new[] { float.NegativeInfinity, 5f, float.NegativeInfinity }).reshape(3, 1);
        foreach (var softmax in new Func<EdgeIndex, Tensor, Tensor>[] { GraphOps.EdgeSoftmax, PlainGraphOps.EdgeSoftmax })
            Assert.Equal([0f, 1f, 0f], softmax(edges, scores).data<float>().ToArray());
    }

    [Fact]
    public void The_softmax_over_a_hub_leaves_out_scores_of_negative_infinity_and_takes_scores_far_apart()
    {
        using var scope = NewDisposeScope();
        const int count = 40_000;
        using var edges = new EdgeGraph(1, 1, [.. Enumerable.Repeat((0, 0), count)]).Index();
        // All of the first piece is left out, the last score has nearly all of the weight.
        var scores = full(count, 1, -300f);
        scores.narrow(0, 0, 15_000).fill_(float.NegativeInfinity);
        scores.narrow(0, count - 2, 1).fill_(-1f);
        scores.narrow(0, count - 1, 1).fill_(1f);
        var shares = GraphOps.EdgeSoftmax(edges, scores).data<float>().ToArray();
        Assert.All(shares[..^2], share => Assert.Equal(0f, share));
        Assert.Equal(1 / (1 + Math.Exp(2)), shares[^2], 1e-6);
        Assert.Equal(1 / (1 + Math.Exp(-2)), shares[^1], 1e-6);
        var without = GraphOps.EdgeSoftmax(edges, full(count, 1, float.NegativeInfinity));
        Assert.Equal(0f, without.abs().max().item<float>());
    }

    [Fact]
    public void The_softmax_takes_scores_of_any_size_and_shows_what_is_not_a_number()
    {
        using var scope = NewDisposeScope();
        using var edges = new EdgeGraph(2, 2, [(0, 0), (0, 1), (1, 0), (1, 1)]).Index();
        var scores = tensor(new[] { 3e4f, 3e4f, float.NaN, 0f }).reshape(4, 1);
        var shares = GraphOps.EdgeSoftmax(edges, scores).data<float>().ToArray();
        Assert.Equal([0.5f, 0.5f], shares[..2]);
        Assert.True(float.IsNaN(shares[2]));
    }

    [Fact]
    public void Neither_the_number_of_threads_nor_another_run_changes_a_bit()
    {
        using var scope = NewDisposeScope();
        manual_seed(4);
        var graph = EdgeGraph.WithHubs(5000, 4000, 40_000, 7);
        using var edges = graph.Index();
        var start = new[] { randn(4000, 24), randn(5000, 24), randn(24), randn(4000, 3), randn(5000, 3) };
        var threads = get_num_threads();
        try
        {
            foreach (var type in new[] { float32, bfloat16 })
            {
                var answers = new[] { 1, 2, 3, 3 }.Select(n =>
                {
                    set_num_threads(n);
                    var x = start.Select(t => t.to(type).detach().clone().requires_grad_()).ToArray();
                    var scores =
                        GraphOps.Gatv2Scores(edges, x[0], x[1], x[2], 3, 0.2)
                        + GraphOps.GatScores(edges, x[3], x[4], 0.2)
                        + GraphOps.Sddmm(edges, x[1], x[0], 3);
                    var y = GraphOps.EdgeSpmm(edges, GraphOps.EdgeSoftmax(edges, scores), x[0]) + GraphOps.SpmmMax(edges, x[0]);
                    y.square().backward([ones_like(y)]);
                    return x.Select(t => Floats(t.grad!)).Append(Floats(y)).ToArray();
                }).ToArray();
                foreach (var again in answers[1..])
                    for (var i = 0; i < again.Length; i++)
                        Assert.Equal(answers[0][i], again[i]);
            }
        }
        finally
        {
            set_num_threads(threads);
        }
    }

    [Fact]
    public void What_the_kernels_do_not_take_runs_through_the_plain_twins_whose_gradients_are_those_of_differences()
    {
        using var scope = NewDisposeScope();
        manual_seed(5);
        var graph = EdgeGraph.Random(6, 5, 14, 9);
        using var edges = graph.Index();
        var (source, target, att) = (randn(5, 4, float64), randn(6, 4, float64), randn(4, float64));
        var score = randn(14, 2, float64);
        HasSlopes(x => GraphOps.EdgeSpmm(edges, x[0], x[1]), score, source);
        HasSlopes(x => GraphOps.Sddmm(edges, x[0], x[1], 2), target, source);
        HasSlopes(x => GraphOps.EdgeSoftmax(edges, x[0]), score);
        HasSlopes(x => GraphOps.GatScores(edges, x[0], x[1], 0.2), source, target);
        HasSlopes(x => GraphOps.Gatv2Scores(edges, x[0], x[1], x[2], 2, 0.2), source, target, att);
        HasSlopes(x => GraphOps.SpmmMax(edges, x[0]), source);
    }

    [Fact]
    public void Weights_and_heads_that_do_not_fit_are_refused()
    {
        using var scope = NewDisposeScope();
        var graph = EdgeGraph.Random(6, 5, 12, 1);
        using var edges = graph.Index();
        var error = Assert.ThrowsAny<Exception>(() => GraphOps.EdgeSpmm(edges, randn(11, 2), randn(5, 4)));
        Assert.Contains("weight must be [12; d]", error.Message);
        error = Assert.ThrowsAny<Exception>(() => GraphOps.EdgeSpmm(edges, randn(12, 3), randn(5, 4)));
        Assert.Contains("3 heads do not divide 4 columns", error.Message);
        error = Assert.ThrowsAny<Exception>(() => GraphOps.SpmmMax(edges, randn(6, 4)));
        Assert.Contains("x must be [5; d]", error.Message);
        error = Assert.ThrowsAny<Exception>(() => GraphOps.Sddmm(edges, randn(6, 4), randn(5, 4).to(bfloat16), 2));
        Assert.Contains("source and target must be of one type", error.Message);
    }

    private static float[] Floats(Tensor x) => x.detach().to(float32).data<float>().ToArray();

    /// <summary>The gradients of a random weighing of the results, against central differences.</summary>
    private static void HasSlopes(Func<Tensor[], Tensor> operation, params Tensor[] inputs)
    {
        var leaves = inputs.Select(x => x.clone().requires_grad_()).ToArray();
        var y = operation(leaves);
        var slope = randn(y.shape, float64);
        y.backward([slope]);
        for (var i = 0; i < inputs.Length; i++)
        {
            var step = randn(inputs[i].shape, float64) * 1e-6;
            Tensor At(Tensor moved) => (operation([.. inputs.Select((x, k) => k == i ? moved : x)]) * slope).sum();
            var difference = (At(inputs[i] + step) - At(inputs[i] - step)).item<double>();
            Assert.Equal((leaves[i].grad! * step).sum().item<double>() * 2, difference, 1e-9);
        }
    }

    private static void Agrees(
        Func<EdgeIndex, Tensor[], Tensor> kernel, Func<EdgeIndex, Tensor[], Tensor> twin, Func<EdgeGraph, Tensor[]> inputs)
    {
        var graphs = new[]
        {
            EdgeGraph.Random(60, 45, 300, 3), EdgeGraph.Random(9, 9, 0, 3), EdgeGraph.Random(1, 2, 700, 5),
            new EdgeGraph(1, 1, [(0, 0)]),
        };
        foreach (var graph in graphs)
            Agrees(graph, Agreement.Float32, kernel, twin, inputs);
    }

    private static void Agrees(
        EdgeGraph graph, double tolerance, Func<EdgeIndex, Tensor[], Tensor> kernel,
        Func<EdgeIndex, Tensor[], Tensor> twin, Func<EdgeGraph, Tensor[]> inputs)
    {
        using var scope = NewDisposeScope();
        manual_seed(2);
        using var edges = graph.Index();
        foreach (var (type, within) in new[] { (float32, tolerance), (bfloat16, Agreement.BFloat16) })
            Agreement.Holds(
                within, x => kernel(edges, x), x => twin(edges, x), [.. inputs(graph).Select(x => x.to(type))]);
    }
}
