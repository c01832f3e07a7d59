using System;
using Glem.Torch.Extensions;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Glem.Torch.Tests.Kernels;

public class DropoutTests
{
    private const int Count = 1_000_003;

    [Fact]
    public void The_mask_is_the_plain_twins_to_the_bit()
    {
        using var scope = NewDisposeScope();
        foreach (var seed in new[] { 0L, 1L, -5L, long.MaxValue })
            foreach (var n in new[] { 1L, 5L, 1023L, 100_001L })
            {
                var x = randn(n);
                Assert.True(Ops.Dropout(x, 0.37, seed).eq(PlainOps.Dropout(x, 0.37, seed)).all().item<bool>());
            }
    }

    [Theory]
    [InlineData(0.1)]
    [InlineData(0.5)]
    [InlineData(0.9)]
    public void The_share_dropped_is_p_and_the_expectation_stays(double p)
    {
        using var scope = NewDisposeScope();
        var y = Ops.Dropout(ones(Count), p, 9);
        var deviation = Math.Sqrt(p * (1 - p) / Count);
        Assert.InRange(y.eq(0).to(float64).mean().item<double>(), p - 5 * deviation, p + 5 * deviation);
        Assert.InRange(y.to(float64).mean().item<double>(), 1 - 5 * deviation / (1 - p), 1 + 5 * deviation / (1 - p));
    }

    [Fact]
    public void Masks_of_neighbouring_seeds_and_indices_are_uncorrelated()
    {
        using var scope = NewDisposeScope();
        var one = Signs(1);
        Assert.InRange(Correlation(one, Signs(2)), -0.005, 0.005);
        foreach (var lag in new[] { 1, 2, 3, 4, 8, 128 })
            Assert.InRange(Correlation(one.narrow(0, lag, Count - lag), one.narrow(0, 0, Count - lag)), -0.005, 0.005);
    }

    [Fact]
    public void The_gradient_passes_where_the_value_did()
    {
        using var scope = NewDisposeScope();
        var x = ones(1001).requires_grad_();
        var y = Ops.Dropout(x, 0.3, 4);
        y.sum().backward();
        Assert.True(x.grad!.eq(y).all().item<bool>());
    }

    [Theory]
    [InlineData(-0.1)]
    [InlineData(1.0)]
    public void A_share_outside_0_1_is_refused(double p)
    {
        using var scope = NewDisposeScope();
        Assert.Contains("p must be in [0, 1)", Assert.ThrowsAny<Exception>(() => Ops.Dropout(ones(3), p, 0)).Message);
        Assert.Contains("p must be in [0, 1)", Assert.ThrowsAny<Exception>(() => PlainOps.Dropout(ones(3), p, 0)).Message);
    }

    private static Tensor Signs(long seed) => Ops.Dropout(ones(Count), 0.5, seed).to(float64) - 1;

    private static double Correlation(Tensor a, Tensor b) => (a * b).mean().item<double>();
}
