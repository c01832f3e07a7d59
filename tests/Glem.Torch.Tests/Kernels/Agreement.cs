using System;
using System.Linq;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Glem.Torch.Tests.Kernels;

/// <summary>Compares a kernel with its plain twin computed in float64, results and gradients alike.</summary>
internal static class Agreement
{
    internal const double Float32 = 5e-6;
    internal const double BFloat16 = 1.5e-2;

    /// <summary>
    /// The kernel on `inputs` and the twin on the same numbers in float64: every result and every gradient differs by at
    /// most `tolerance` of the twin's largest entry.
    /// </summary>
    internal static void Holds(
        double tolerance, Func<Tensor[], Tensor> kernel, Func<Tensor[], Tensor> twin, params Tensor[] inputs)
    {
        var exact = inputs.Select(x => x.to(float64)).ToArray();
        var result = kernel(Leaves(inputs, out var leaves));
        var expected = twin(Leaves(exact, out var exactLeaves));
        Close("result", expected, result, tolerance);
        var slope = randn(result.shape, float64).to(result.dtype);
        result.backward([slope]);
        expected.backward([slope.to(float64)]);
        for (var i = 0; i < leaves.Length; i++)
            Close($"gradient {i}", exactLeaves[i].grad!, leaves[i].grad!, tolerance);
    }

    internal static void Close(string name, Tensor expected, Tensor found, double tolerance)
    {
        Assert.Equal(expected.shape, found.shape);
        if (expected.numel() == 0)
            return;
        var wide = expected.detach().to(float64);
        var off = (found.detach().to(float64) - wide).abs().max().item<double>();
        var largest = Math.Max(wide.abs().max().item<double>(), 1e-6);
        Assert.True(off <= tolerance * largest, $"{name} is off by {off}, its largest entry is {largest}");
    }

    private static Tensor[] Leaves(Tensor[] inputs, out Tensor[] leaves) =>
        leaves = inputs.Select(x => x.detach().clone().requires_grad_()).ToArray();
}
