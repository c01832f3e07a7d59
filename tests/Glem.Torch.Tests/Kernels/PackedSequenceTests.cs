using System;
using System.Linq;
using Glem.Torch.Extensions;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Glem.Torch.Tests.Kernels;

public class PackedSequenceTests
{
    public static TheoryData<long, long, long[]> Batches => new()
    {
        { 4, 32, [1, 2, 5] },
        { 2, 64, [17, 100, 48, 49] },
        { 3, 6, [33, 0, 7] },
        { 1, 20, [512] },
    };

    [Theory]
    [MemberData(nameof(Batches))]
    public void Attention_and_its_gradient_agree_with_the_composite(long heads, long width, long[] lengths)
    {
        foreach (var p in new[] { 0.0, 0.25 })
            foreach (var (type, tolerance) in new[] { (float32, Agreement.Float32), (bfloat16, Agreement.BFloat16) })
            {
                using var scope = NewDisposeScope();
                manual_seed(1);
                var bounds = Bounds(lengths);
                Agreement.Holds(
                    tolerance,
                    x => Ops.Attention(x[0], bounds, heads, p, 11),
                    x => PlainOps.Attention(x[0], bounds, heads, p, 11),
                    randn([lengths.Sum(), 3 * heads * width]).to(type));
            }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(5)]
    [InlineData(60)]
    public void Local_attention_and_its_gradient_agree_with_the_composite(long reach)
    {
        foreach (var p in new[] { 0.0, 0.25 })
            foreach (var (type, tolerance) in new[] { (float32, Agreement.Float32), (bfloat16, Agreement.BFloat16) })
            {
                using var scope = NewDisposeScope();
                manual_seed(1);
                var bounds = Bounds(17, 300, 49);
                Agreement.Holds(
                    tolerance,
                    x => Ops.Attention(x[0], bounds, 2, p, 11, reach),
                    x => PlainOps.Attention(x[0], bounds, 2, p, 11, reach),
                    randn([366, 3 * 2 * 20]).to(type));
            }
    }

    [Theory]
    [InlineData(37, true, true)]
    [InlineData(64, true, false)]
    [InlineData(64, false, true)]
    [InlineData(5, true, true)]
    public void Softmax_over_relative_positions_and_its_gradients_agree_with_the_composite(long l, bool to, bool from)
    {
        foreach (var p in new[] { 0.0, 0.25 })
            foreach (var (type, tolerance) in new[] { (float32, Agreement.Float32), (bfloat16, Agreement.BFloat16) })
            {
                using var scope = NewDisposeScope();
                manual_seed(1);
                var lengths = tensor([l, l - 3, 1, 0]);
                Tensor Scores(long columns) => randn([2, 4, l, columns]).to(type);
                Tensor[] inputs = to && from ? [Scores(l), Scores(2 * l), Scores(2 * l)] : [Scores(l), Scores(2 * l)];
                Agreement.Holds(
                    tolerance,
                    x => Ops.RelativeSoftmax(x[0], to ? x[1] : null, from ? x[^1] : null, lengths, 1.7, p, 11),
                    x => PlainOps.RelativeSoftmax(x[0], to ? x[1] : null, from ? x[^1] : null, lengths, 1.7, p, 11),
                    inputs);
            }
    }

    [Fact]
    public void Scores_of_relative_positions_reach_the_pairs_that_stand_so()
    {
        using var scope = NewDisposeScope();
        // Row i's score of relative position r stands in column r + l - 1: only the token two to the right, and from there.
        var scores = zeros([1, 1, 4, 4]);
        var right = zeros([1, 1, 4, 8]);
        right.narrow(3, 2 + 3, 1).fill_(100);
        var to = Ops.RelativeSoftmax(scores, right, null, tensor([4L]), 1, 0, 0);
        var from = Ops.RelativeSoftmax(scores, null, right, tensor([4L]), 1, 0, 0);
        Assert.Equal(1, to[0, 0, 0, 2].item<float>(), 1e-6);
        Assert.Equal(1, to[0, 0, 1, 3].item<float>(), 1e-6);
        Assert.Equal(0.25, to[0, 0, 2, 0].item<float>(), 1e-6);
        Assert.Equal(1, from[0, 0, 2, 0].item<float>(), 1e-6);
        Assert.Equal(0.25, from[0, 0, 0, 2].item<float>(), 1e-6);
    }

    [Fact]
    public void Tokens_beyond_the_reach_change_nothing()
    {
        using var scope = NewDisposeScope();
        var qkv = randn(200, 96);
        var other = qkv.clone();
        other.narrow(0, 111, 89).normal_();
        var found = Ops.Attention(qkv, Bounds(200), 4, 0, 0, 10);
        var changed = Ops.Attention(other, Bounds(200), 4, 0, 0, 10);
        Assert.True(found.narrow(0, 0, 101).eq(changed.narrow(0, 0, 101)).all().item<bool>());
        Assert.False(found[101].eq(changed[101]).all().item<bool>());
    }

    [Fact]
    public void A_sequence_attends_to_itself_alone()
    {
        using var scope = NewDisposeScope();
        var qkv = randn(50, 96);
        var together = Ops.Attention(qkv, Bounds(20, 30), 4, 0, 0);
        var alone = Ops.Attention(qkv.narrow(0, 20, 30), Bounds(30), 4, 0, 0);
        Assert.True(together.narrow(0, 20, 30).eq(alone).all().item<bool>());
    }

    [Fact]
    public void The_number_of_threads_does_not_change_a_bit()
    {
        using var scope = NewDisposeScope();
        var qkv = randn(300, 192).to(bfloat16);
        var threads = get_num_threads();
        try
        {
            var answers = new[] { 1, 2 }.Select(n =>
            {
                set_num_threads(n);
                var leaf = qkv.clone().requires_grad_();
                Ops.SegmentMean(Ops.Attention(leaf, Bounds(100, 3, 197), 2, 0.1, 5), Bounds(150, 150)).sum().backward();
                return leaf.grad!;
            }).ToArray();
            Assert.True(answers[0].eq(answers[1]).all().item<bool>());
        }
        finally
        {
            set_num_threads(threads);
        }
    }

    [Fact]
    public void A_segments_mean_and_its_gradient_agree_with_the_composite()
    {
        using var scope = NewDisposeScope();
        foreach (var (type, tolerance) in new[] { (float32, Agreement.Float32), (bfloat16, Agreement.BFloat16) })
            foreach (var d in new[] { 128L, 30L, 1L })
                Agreement.Holds(
                    tolerance,
                    x => Ops.SegmentMean(x[0], Bounds(3, 0, 37, 60)),
                    x => PlainOps.SegmentMean(x[0], Bounds(3, 0, 37, 60)),
                    randn(100, d).to(type));
    }

    [Fact]
    public void Bounds_that_do_not_cover_the_tokens_are_refused()
    {
        using var scope = NewDisposeScope();
        var error = Assert.ThrowsAny<Exception>(() => Ops.Attention(randn(50, 96), Bounds(20, 20), 4, 0, 0));
        Assert.Contains("cu_seqlens must run from 0 to 50, got 0 to 40", error.Message);
    }

    private static Tensor Bounds(params long[] lengths)
    {
        var bounds = new long[lengths.Length + 1];
        for (var i = 0; i < lengths.Length; i++)
            bounds[i + 1] = bounds[i] + lengths[i];
        return tensor(bounds);
    }
}
