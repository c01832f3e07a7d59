using System;
using System.IO;
using System.Linq;
using System.Text.Json;
using Glem.Torch.Extensions;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Glem.Torch.Tests.Kernels;

public class AdamWTests
{
    [Fact]
    public void One_pass_does_what_the_plain_twin_does_on_every_length_and_type()
    {
        using var scope = NewDisposeScope();
        long[] lengths = [1, 7, 16, 100_003];
        foreach (var type in new[] { float32, bfloat16 })
        {
            var start = lengths.Select(n => randn(n)).ToArray();
            var ours = new State(start);
            var plain = new State(start);
            for (var step = 1; step <= 5; step++)
            {
                var grads = lengths.Select(n => randn(n).to(type)).ToArray();
                Ops.AdamW(
                    ours.Parameters, grads, ours.First, ours.Second, ours.Shadows, 1e-2, 0.9, 0.999, 1e-8, 0.1, step, 0.5);
                PlainOps.AdamW(
                    plain.Parameters, grads, plain.First, plain.Second, [], 1e-2, 0.9, 0.999, 1e-8, 0.1, step, 0.5);
            }
            for (var i = 0; i < lengths.Length; i++)
            {
                Agreement.Close("parameter", plain.Parameters[i], ours.Parameters[i], 2e-6);
                Agreement.Close("second moment", plain.Second[i], ours.Second[i], 2e-6);
                Assert.True(ours.Shadows[i].eq(ours.Parameters[i].to(bfloat16)).all().item<bool>());
            }
        }
    }

    [Theory]
    [InlineData("adamw", 1e-8, 0.01, 0.01, double.PositiveInfinity)]
    [InlineData("adamw_linear_warmup", 1e-8, 0.1, 0.1, double.PositiveInfinity)]
    [InlineData("adamw_groups_clip", 1e-6, 0.1, 0.0, 1.0)]
    public void Its_steps_are_torch_optim_AdamWs(string name, double eps, double decayW, double decayB, double clip)
    {
        var folder = Fixtures.Folder("");
        if (folder is null)
            Assert.Skip("shared/fixtures is not here");
        using var scope = NewDisposeScope();
        using var file = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "optim.json")));
        var w = new State([Vector(file.RootElement.GetProperty("w_start"))]);
        var b = new State([Vector(file.RootElement.GetProperty("b_start"))]);
        long step = 0;
        foreach (var row in file.RootElement.GetProperty("cases").GetProperty(name).GetProperty("rows").EnumerateArray())
        {
            step++;
            Tensor[] gradW = [Vector(row.GetProperty("grad_w"))], gradB = [Vector(row.GetProperty("grad_b"))];
            var lr = row.GetProperty("lr").GetDouble();
            var scale = Math.Min(1, clip / (Ops.GradNorm([.. gradW, .. gradB]).item<double>() + 1e-6));
            Ops.AdamW(w.Parameters, gradW, w.First, w.Second, [], lr, 0.9, 0.999, eps, decayW, step, scale);
            Ops.AdamW(b.Parameters, gradB, b.First, b.Second, [], lr, 0.9, 0.999, eps, decayB, step, scale);
            Agreement.Close($"w after step {step}", Vector(row.GetProperty("w")), w.Parameters[0], 1e-6);
            Agreement.Close($"b after step {step}", Vector(row.GetProperty("b")), b.Parameters[0], 1e-6);
        }
    }

    [Fact]
    public void The_norm_of_gradients_is_that_of_all_their_elements()
    {
        using var scope = NewDisposeScope();
        Tensor[] grads = [randn(100_000), randn(33, 7).to(bfloat16), zeros(3)];
        var expected = Math.Sqrt(grads.Sum(g => g.to(float64).square().sum().item<double>()));
        Assert.Equal(expected, Ops.GradNorm(grads).item<double>(), expected * 1e-6);
        Assert.Equal(expected, PlainOps.GradNorm(grads).item<double>(), expected * 1e-12);
    }

    private static Tensor Vector(JsonElement numbers) =>
        tensor(numbers.EnumerateArray().Select(n => (float)n.GetDouble()).ToArray());

    private sealed class State(Tensor[] start)
    {
        internal Tensor[] Parameters { get; } = start.Select(p => p.clone()).ToArray();

        internal Tensor[] First { get; } = start.Select(zeros_like).ToArray();

        internal Tensor[] Second { get; } = start.Select(zeros_like).ToArray();

        internal Tensor[] Shadows { get; } = start.Select(p => p.to(bfloat16)).ToArray();

        private static Tensor zeros_like(Tensor p) => torch.zeros_like(p);
    }
}
