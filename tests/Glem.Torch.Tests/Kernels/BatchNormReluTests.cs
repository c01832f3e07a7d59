using System.Linq;
using Glem.Torch.Extensions;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Glem.Torch.Tests.Kernels;

public class BatchNormReluTests
{
    /// <summary>
    /// Of 64 columns and more it is not small, and not left to libtorch: three blocks of rows, whose sums are added.
    /// </summary>
    private const long Long = 40_000;

    [Theory]
    [InlineData(300, 128)]
    [InlineData(300, 30)]
    [InlineData(17, 3)]
    [InlineData(Long, 67)]
    public void Rows_and_gradients_agree_with_the_composite(long n, long d)
    {
        using var scope = NewDisposeScope();
        Agreement.Holds(
            Agreement.Float32,
            x => Ops.BatchNormRelu(x[0], x[1], x[2], null, null, true, 0.1, 1e-5),
            x => PlainOps.BatchNormRelu(x[0], x[1], x[2], null, null, true, 0.1, 1e-5),
            randn(n, d) * 3 + 1, randn(d), randn(d));
    }

    [Theory]
    [InlineData(300)]
    [InlineData(Long)]
    public void Running_statistics_move_as_the_composite_moves_them(long n)
    {
        using var scope = NewDisposeScope();
        var x = randn(n, 64) * 2 - 1;
        var (mean, variance) = (randn(64), rand(64) + 1);
        var (plainMean, plainVariance) = (mean.to(float64), variance.to(float64));
        Ops.BatchNormRelu(x, ones(64), zeros(64), mean, variance, true, 0.1, 1e-5);
        PlainOps.BatchNormRelu(
            x.to(float64), ones(64, float64), zeros(64, float64), plainMean, plainVariance, true, 0.1, 1e-5);
        Agreement.Close("mean", plainMean, mean, Agreement.Float32);
        Agreement.Close("variance", plainVariance, variance, Agreement.Float32);
    }

    [Fact]
    public void Evaluation_goes_by_the_running_statistics_and_leaves_them()
    {
        using var scope = NewDisposeScope();
        var (x, mean, variance) = (randn(50, 8), randn(8), rand(8) + 1);
        var (meanBefore, varianceBefore) = (mean.clone(), variance.clone());
        var y = Ops.BatchNormRelu(x, ones(8), zeros(8), mean, variance, false, 0.1, 1e-5);
        Agreement.Close("y", ((x - mean) / (variance + 1e-5).sqrt()).relu(), y, Agreement.Float32);
        Assert.True(mean.eq(meanBefore).all().item<bool>() && variance.eq(varianceBefore).all().item<bool>());
    }

    [Theory]
    [InlineData(300)]
    [InlineData(Long)]
    public void What_is_not_a_number_spoils_its_column_in_both_directions(long n)
    {
        using var scope = NewDisposeScope();
        var x = randn(n, 64);
        x[3, 1] = float.NaN;
        var leaf = x.requires_grad_();
        var y = Ops.BatchNormRelu(leaf, ones(64), zeros(64), null, null, true, 0.1, 1e-5);
        y.sum().backward();
        var expected = Enumerable.Range(0, 64).Select(j => j == 1);
        Assert.Equal(expected, Spoilt(y));
        Assert.Equal(expected, Spoilt(leaf.grad!));
    }

    [Fact]
    public void The_bits_do_not_depend_on_the_number_of_threads()
    {
        using var scope = NewDisposeScope();
        var (x, w, b) = (randn(Long, 64), randn(64), randn(64));
        var before = get_num_threads();
        try
        {
            var runs = new[] { 1, 2, 3 }.Select(threads =>
            {
                set_num_threads(threads);
                var leaves = new[] { x, w, b }.Select(part => part.clone().requires_grad_()).ToArray();
                var y = Ops.BatchNormRelu(leaves[0], leaves[1], leaves[2], null, null, true, 0.1, 1e-5);
                (y * y).sum().backward();
                return leaves.Select(leaf => leaf.grad!.data<float>().ToArray()).Append(y.detach().data<float>().ToArray())
                    .ToArray();
            }).ToArray();
            Assert.Equal(runs[0], runs[1]);
            Assert.Equal(runs[0], runs[2]);
        }
        finally
        {
            set_num_threads(before);
        }
    }

    [Fact]
    public void Its_input_alone_is_kept_for_the_backward_pass()
    {
        using var scope = NewDisposeScope();
        var x = randn(Long, 64).requires_grad_();
        var (w, b) = (ones(64).requires_grad_(), zeros(64).requires_grad_());
        // The result, its gradient and x's.
        var peak = TensorMemory.Peak(() => Ops.BatchNormRelu(x, w, b, null, null, true, 0.1, 1e-5).sum().backward());
        Assert.InRange(peak, 2 * 4 * x.numel(), 3.1 * 4 * x.numel());
    }

    private static bool[] Spoilt(Tensor x) => x.detach().isnan().any(0).data<bool>().ToArray();
}
