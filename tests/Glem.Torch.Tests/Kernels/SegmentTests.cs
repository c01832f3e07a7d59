using System;
using System.Linq;
using Glem.Torch.Extensions;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Glem.Torch.Tests.Kernels;

/// <summary>Sums, means and maxima of runs of rows, each against its plain twin in float64.</summary>
public class SegmentTests
{
    private static readonly (string Name, Func<Tensor, Tensor, Tensor> Kernel, Func<Tensor, Tensor, Tensor> Twin)[] Operators =
    [
        ("sum", GraphOps.SegmentSum, PlainGraphOps.SegmentSum),
        ("mean", Ops.SegmentMean, PlainOps.SegmentMean),
        ("max", GraphOps.SegmentMax, PlainGraphOps.SegmentMax),
    ];

    [Theory]
    [InlineData(1)]
    [InlineData(33)]
    [InlineData(200)]
    public void Runs_agree_with_their_gradients(long d)
    {
        foreach (var lengths in new[] { new[] { 3, 0, 37, 1, 0 }, [0, 0], [1] })
            Agrees(lengths, d, Agreement.Float32);
    }

    [Fact]
    public void Runs_of_most_rows_agree_with_their_gradients() =>
        // Sums of 20,000 float32 numbers.
        Agrees([5, 20_000, 0, 2, 17_000], 20, 2e-5);

    private static void Agrees(int[] lengths, long d, double tolerance)
    {
        using var scope = NewDisposeScope();
        manual_seed(6);
        foreach (var (_, kernel, twin) in Operators)
            foreach (var (type, within) in new[] { (float32, tolerance), (bfloat16, Agreement.BFloat16) })
                Agreement.Holds(
                    within,
                    x => kernel(x[0], Offsets(lengths)),
                    x => twin(x[0], Offsets(lengths)),
                    randn(lengths.Sum(), d).to(type));
    }

    [Fact]
    public void Of_equal_rows_the_first_is_the_largest()
    {
        using var scope = NewDisposeScope();
        foreach (var largest in new[] { GraphOps.SegmentMax, PlainGraphOps.SegmentMax })
        {
            var x = tensor(new[] { -1f, 2f, 2f, 3f, 3f }).reshape(5, 1).requires_grad_();
            largest(x, Offsets([3, 0, 2])).sum().backward();
            Assert.Equal([0f, 1f, 0f, 1f, 0f], x.grad!.data<float>().ToArray());
        }
    }

    [Fact]
    public void The_number_of_threads_does_not_change_a_bit()
    {
        using var scope = NewDisposeScope();
        manual_seed(7);
        var x = randn(90_000, 24);
        var offsets = Offsets([.. Enumerable.Repeat(3, 10_000), 40_000, 20_000]);
        var threads = get_num_threads();
        try
        {
            foreach (var (name, kernel, _) in Operators)
            {
                var answers = new[] { 1, 2, 3 }.Select(n =>
                {
                    set_num_threads(n);
                    var leaf = x.clone().requires_grad_();
                    var y = kernel(leaf, offsets);
                    y.backward([y.detach()]);
                    return y.detach().data<float>().ToArray().Concat(leaf.grad!.data<float>().ToArray()).ToArray();
                }).ToArray();
                Assert.True(answers[1..].All(again => again.SequenceEqual(answers[0])), name);
            }
        }
        finally
        {
            set_num_threads(threads);
        }
    }

    [Fact]
    public void Offsets_that_do_not_end_with_the_rows_are_refused()
    {
        using var scope = NewDisposeScope();
        foreach (var kernel in new[] { GraphOps.SegmentSum, GraphOps.SegmentMax })
        {
            var error = Assert.ThrowsAny<Exception>(() => kernel(randn(5, 2), Offsets([3, 1])));
            Assert.Contains("must run from 0 to 5, got 0 to 4", error.Message);
        }
    }

    private static Tensor Offsets(int[] lengths)
    {
        var offsets = new long[lengths.Length + 1];
        for (var i = 0; i < lengths.Length; i++)
            offsets[i + 1] = offsets[i] + lengths[i];
        return tensor(offsets);
    }
}
