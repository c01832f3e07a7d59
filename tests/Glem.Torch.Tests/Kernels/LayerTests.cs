using System;
using Glem.Torch.Extensions;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Glem.Torch.Tests.Kernels;

public class LayerTests
{
    [Theory]
    [InlineData(128)]
    [InlineData(30)]
    public void Gelu_after_a_bias_and_its_gradient_agree_with_the_composite(long d)
    {
        using var scope = NewDisposeScope();
        foreach (var (type, tolerance) in new[] { (float32, Agreement.Float32), (bfloat16, Agreement.BFloat16) })
            Agreement.Holds(
                tolerance,
                x => Ops.BiasGelu(x[0], x[1]),
                x => PlainOps.BiasGelu(x[0], x[1]),
                (randn(300, d) * 2).to(type), randn(d));
    }

    [Theory]
    [InlineData(128, 0.0, true)]
    [InlineData(128, 0.3, true)]
    [InlineData(30, 0.3, true)]
    [InlineData(30, 0.3, false)]
    public void The_end_of_a_post_norm_half_layer_agrees_with_the_composite(long d, double p, bool biased)
    {
        using var scope = NewDisposeScope();
        foreach (var (type, tolerance) in new[] { (float32, Agreement.Float32), (bfloat16, Agreement.BFloat16) })
        {
            Tensor[] inputs = [randn(300, d).to(type), randn(300, d).to(type), randn(d), randn(d), randn(d)];
            Agreement.Holds(
                tolerance,
                x => Ops.DropoutAddLayerNorm(x[0], biased ? x[4] : null, x[1], x[2], x[3], p, 5, 1e-12),
                x => PlainOps.DropoutAddLayerNorm(x[0], biased ? x[4] : null, x[1], x[2], x[3], p, 5, 1e-12),
                biased ? inputs : inputs[..4]);
        }
    }

    [Theory]
    [InlineData(0.0, false)]
    [InlineData(0.2, true)]
    public void Embeddings_and_their_tables_gradients_agree_with_the_composite(double p, bool withKinds)
    {
        using var scope = NewDisposeScope();
        var ids = randint(0, 50, [300], int64);
        var positions = randint(0, 20, [300], int64);
        var kinds = withKinds ? randint(0, 2, [300], int64) : null;
        Agreement.Holds(
            Agreement.Float32,
            x => Ops.EmbeddingLayerNorm(x[0], x[1], x[2], ids, positions, kinds, x[3], x[4], p, 3, 1e-12, false),
            x => PlainOps.EmbeddingLayerNorm(x[0], x[1], x[2], ids, positions, kinds, x[3], x[4], p, 3, 1e-12, false),
            randn(50, 64), randn(20, 64), randn(2, 64), randn(64), randn(64));
        Assert.Equal(
            bfloat16,
            Ops.EmbeddingLayerNorm(
                randn(50, 64), randn(20, 64), randn(2, 64), ids, positions, kinds, randn(64), randn(64), p, 3, 1e-12,
                true).dtype);
    }

    [Theory]
    [InlineData(5, 3)]
    [InlineData(70, 1003)]
    [InlineData(300, 64)]
    public void Cross_entropy_over_a_vocabulary_and_its_gradients_agree_with_the_composite(long k, long c)
    {
        using var scope = NewDisposeScope();
        manual_seed(1);
        var truth = randint(0, c, [k], int64);
        foreach (var (type, tolerance) in new[] { (float32, Agreement.Float32), (bfloat16, Agreement.BFloat16) })
            Agreement.Holds(
                tolerance,
                x => Ops.CrossEntropy(x[0], x[1], truth),
                x => PlainOps.CrossEntropy(x[0], x[1], truth),
                (randn(k, c) * 3).to(type), randn(c));
    }

    [Fact]
    public void A_class_outside_the_vocabulary_is_named()
    {
        using var scope = NewDisposeScope();
        var error = Assert.ThrowsAny<Exception>(
            () => Ops.CrossEntropy(randn(2, 5), randn(5), tensor([1L, 5L])));
        Assert.Contains("truth[1] is 5 of 5 classes", error.Message);
    }

    [Theory]
    [InlineData(2, 64)]
    [InlineData(3, 6)]
    public void Rotary_positions_and_their_gradient_agree_with_the_composite(long heads, long width)
    {
        using var scope = NewDisposeScope();
        var angles = randn(300, width / 2);
        foreach (var (type, tolerance) in new[] { (float32, Agreement.Float32), (bfloat16, Agreement.BFloat16) })
            Agreement.Holds(
                tolerance,
                x => Ops.Rotary(x[0], angles.cos(), angles.sin(), heads),
                x => PlainOps.Rotary(x[0], angles.cos(), angles.sin(), heads),
                randn(300, 3 * heads * width).to(type));
    }

    [Fact]
    public void An_id_outside_its_table_is_named()
    {
        using var scope = NewDisposeScope();
        var error = Assert.ThrowsAny<Exception>(() => Ops.EmbeddingLayerNorm(
            randn(50, 8), randn(20, 8), randn(2, 8), tensor([1L, 50L]), tensor([0L, 1L]), null, randn(8), randn(8), 0, 0,
            1e-12, false));
        Assert.Contains("ids[1] is 50, the table has 50 rows", error.Message);
    }
}
