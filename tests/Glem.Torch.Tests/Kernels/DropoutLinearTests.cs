using System;
using System.Linq;
using Glem.Torch.Extensions;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Glem.Torch.Tests.Kernels;

public class DropoutLinearTests
{
    /// <summary>More than one block of rows: a block has 2^19 elements once there are more than 2^21.</summary>
    private const long Long = 20_000;

    [Theory]
    [InlineData(300, 30, 0.3)]
    [InlineData(300, 30, 0.0)]
    [InlineData(Long, 128, 0.5)]
    public void Products_of_what_dropout_left_and_their_gradients_agree_with_the_composite(long n, long d, double p)
    {
        using var scope = NewDisposeScope();
        Agreement.Holds(
            Agreement.Float32,
            x => cat(Ops.DropoutLinear(x[0], [x[1], x[2]], p, 7), 1),
            x => cat(PlainOps.DropoutLinear(x[0], [x[1], x[2]], p, 7), 1),
            randn(n, d), randn(5, d), randn(3, d));
    }

    [Fact]
    public void One_block_of_rows_has_the_bits_of_dropout_and_one_product()
    {
        using var scope = NewDisposeScope();
        var (x, w) = (randn(2000, 96), randn(17, 96));
        var slope = randn(2000, 17);
        var apart = Bits(x, w, slope, (x, w) => nn.functional.linear(Ops.Dropout(x, 0.4, 3), w));
        var together = Bits(x, w, slope, (x, w) => Ops.DropoutLinear(x, [w], 0.4, 3)[0]);
        Assert.Equal(apart, together);
    }

    [Fact]
    public void No_dropped_copy_is_held_in_either_direction()
    {
        using var scope = NewDisposeScope();
        var (x, w) = (randn(Long, 128), randn(4, 128).requires_grad_());
        var copy = 4 * x.numel();
        var peak = TensorMemory.Peak(() => Ops.DropoutLinear(x, [w], 0.5, 1)[0].sum().backward());
        Assert.InRange(peak, 4 * 4 * Long, copy / 3);
        Assert.True(TensorMemory.Peak(() => nn.functional.linear(Ops.Dropout(x, 0.5, 1), w)) > copy);
    }

    [Fact]
    public void A_product_that_nothing_was_asked_of_has_no_gradient()
    {
        using var scope = NewDisposeScope();
        var (v, w) = (randn(3, 8).requires_grad_(), randn(2, 8).requires_grad_());
        Ops.DropoutLinear(randn(6, 8), [v, w], 0.2, 1)[1].sum().backward();
        Assert.Null(v.grad);
        Assert.NotNull(w.grad);
    }

    [Fact]
    public void A_matrix_of_another_width_is_refused()
    {
        using var scope = NewDisposeScope();
        var problem = Assert.ThrowsAny<Exception>(() => Ops.DropoutLinear(randn(6, 8), [randn(3, 7)], 0.2, 1));
        Assert.Contains("weights must be [h; 8]", problem.Message);
    }

    private static float[][] Bits(Tensor x, Tensor w, Tensor slope, Func<Tensor, Tensor, Tensor> product)
    {
        var (left, right) = (x.clone().requires_grad_(), w.clone().requires_grad_());
        var y = product(left, right);
        y.backward([slope]);
        return [.. new[] { y, left.grad!, right.grad! }.Select(part => part.detach().contiguous().data<float>().ToArray())];
    }
}
