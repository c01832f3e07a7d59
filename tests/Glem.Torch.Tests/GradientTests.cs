using System;
using System.Collections.Generic;
using System.Linq;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Glem.Torch.Tests;

/// <summary>Every differentiable operator's gradient against central differences, in float64.</summary>
public class GradientTests
{
    private const double Step = 1e-6;
    private const double Tolerance = 2e-6;

    private sealed record Case(Func<Tensor[]> Inputs, Func<Tensor[], Tensor> Function);

    private static readonly Dictionary<string, Case> Cases = new()
    {
        ["add"] = new(() => [Normal(3, 4), Normal(4)], x => x[0].add(x[1])),
        ["add with alpha"] = new(() => [Normal(3, 4), Normal(3, 1)], x => x[0].add(x[1], 2.5)),
        ["add scalar"] = new(() => [Normal(3)], x => x[0] + 2.5),
        ["sub"] = new(() => [Normal(3, 4), Normal(4)], x => x[0] - x[1]),
        ["scalar minus"] = new(() => [Normal(3)], x => 2.0 - x[0]),
        ["mul"] = new(() => [Normal(3, 4), Normal(3, 1)], x => x[0] * x[1]),
        ["mul scalar"] = new(() => [Normal(3)], x => 3 * x[0]),
        ["div"] = new(() => [Normal(3, 4), Positive(4)], x => x[0] / x[1]),
        ["scalar over"] = new(() => [Positive(3)], x => 2.0 / x[0]),
        ["neg"] = new(() => [Normal(3)], x => -x[0]),
        ["pow scalar"] = new(() => [Positive(3)], x => x[0].pow(2.5)),
        ["pow tensor"] = new(() => [Positive(3), Normal(3)], x => x[0].pow(x[1])),
        ["square"] = new(() => [Normal(3)], x => x[0].square()),
        ["exp"] = new(() => [Normal(3)], x => x[0].exp()),
        ["expm1"] = new(() => [Normal(3)], x => x[0].expm1()),
        ["log"] = new(() => [Positive(3)], x => x[0].log()),
        ["log1p"] = new(() => [Positive(3)], x => x[0].log1p()),
        ["sqrt"] = new(() => [Positive(3)], x => x[0].sqrt()),
        ["rsqrt"] = new(() => [Positive(3)], x => x[0].rsqrt()),
        ["reciprocal"] = new(() => [Positive(3)], x => x[0].reciprocal()),
        ["tanh"] = new(() => [Normal(3)], x => x[0].tanh()),
        ["sigmoid"] = new(() => [Normal(3)], x => x[0].sigmoid()),
        ["relu"] = new(() => [Apart(6)], x => x[0].relu()),
        ["gelu"] = new(() => [Normal(6)], x => F.gelu(x[0])),
        ["silu"] = new(() => [Normal(6)], x => x[0].silu()),
        ["elu"] = new(() => [Apart(6)], x => F.elu(x[0], 1.0)),
        ["leaky_relu"] = new(() => [Apart(6)], x => F.leaky_relu(x[0])),
        ["softplus"] = new(() => [Normal(6)], x => x[0].softplus()),
        ["log_sigmoid"] = new(() => [Normal(6)], x => x[0].log_sigmoid()),
        ["erf"] = new(() => [Normal(3)], x => x[0].erf()),
        ["sin"] = new(() => [Normal(3)], x => x[0].sin()),
        ["cos"] = new(() => [Normal(3)], x => x[0].cos()),
        ["abs"] = new(() => [Apart(6)], x => x[0].abs()),
        ["clamp"] = new(() => [Apart(6)], x => x[0].clamp(-1.05, 1.05)),
        ["clamp_min"] = new(() => [Apart(6)], x => x[0].clamp_min(0.05)),
        ["maximum"] = new(() => [Apart(6), Apart(6).flip(0)], x => x[0].maximum(x[1])),
        ["minimum"] = new(() => [Apart(6), Apart(6).flip(0)], x => x[0].minimum(x[1])),
        ["where"] = new(() => [Normal(4), Normal(4)], x => torch.where(Alternating(4), x[0], x[1])),
        ["masked_fill"] = new(() => [Normal(4)], x => x[0].masked_fill(Alternating(4), 7)),
        ["masked_select"] = new(() => [Normal(4)], x => x[0].masked_select(Alternating(4))),
        ["addcmul"] = new(() => [Normal(3), Normal(3), Normal(3)], x => x[0].addcmul(x[1], x[2], 0.5)),
        ["lerp"] = new(() => [Normal(3), Normal(3), Normal(3)], x => x[0].lerp(x[1], x[2])),
        ["sum"] = new(() => [Normal(3, 4)], x => x[0].sum()),
        ["sum over one"] = new(() => [Normal(3, 4)], x => x[0].sum(1)),
        ["sum over two, kept"] = new(() => [Normal(2, 3, 4)], x => x[0].sum([0L, 2L], keepdim: true)),
        ["mean"] = new(() => [Normal(3, 4)], x => x[0].mean()),
        ["mean over one"] = new(() => [Normal(3, 4)], x => x[0].mean([-1L])),
        ["var"] = new(() => [Normal(3, 4)], x => x[0].var(1L, unbiased: false)),
        ["std"] = new(() => [Normal(3, 4)], x => x[0].std(1L)),
        ["max over one"] = new(() => [Apart(3, 4)], x => x[0].max(1).values),
        ["min over one"] = new(() => [Apart(3, 4)], x => x[0].min(1).values),
        ["max"] = new(() => [Apart(3, 4)], x => x[0].max()),
        ["amax"] = new(() => [Apart(3, 4)], x => x[0].amax([1L], keepdim: true)),
        ["topk"] = new(() => [Apart(3, 4)], x => x[0].topk(2).values),
        ["sort"] = new(() => [Apart(3, 4)], x => x[0].sort(descending: true).Values),
        ["cumsum"] = new(() => [Normal(3, 4)], x => x[0].cumsum(1)),
        ["norm"] = new(() => [Normal(3, 4)], x => x[0].norm()),
        ["norm over one"] = new(() => [Normal(3, 4)], x => x[0].norm(1)),
        ["logsumexp"] = new(() => [Normal(3, 4)], x => x[0].logsumexp(1)),
        ["softmax"] = new(() => [Normal(3, 4)], x => x[0].softmax(-1)),
        ["log_softmax"] = new(() => [Normal(3, 4)], x => x[0].log_softmax(-1)),
        ["matmul"] = new(() => [Normal(2, 3, 4), Normal(4, 5)], x => x[0].matmul(x[1])),
        ["mm"] = new(() => [Normal(3, 4), Normal(4, 2)], x => x[0].mm(x[1])),
        ["mv"] = new(() => [Normal(3, 4), Normal(4)], x => x[0].mv(x[1])),
        ["dot"] = new(() => [Normal(4), Normal(4)], x => x[0].dot(x[1])),
        ["bmm"] = new(() => [Normal(2, 3, 4), Normal(2, 4, 2)], x => x[0].bmm(x[1])),
        ["addmm"] = new(() => [Normal(2), Normal(3, 4), Normal(4, 2)], x => x[0].addmm(x[1], x[2], 0.5f, 2)),
        ["baddbmm"] = new(() => [Normal(3, 2), Normal(2, 3, 4), Normal(2, 4, 2)], x => x[0].baddbmm(x[1], x[2])),
        ["outer"] = new(() => [Normal(3), Normal(2)], x => x[0].outer(x[1])),
        ["einsum"] = new(() => [Normal(3, 4), Normal(4, 2)], x => torch.einsum("ij,jk->ki", x[0], x[1])),
        ["t"] = new(() => [Normal(3, 4)], x => x[0].t()),
        ["transpose"] = new(() => [Normal(2, 3, 4)], x => x[0].transpose(0, 2)),
        ["permute"] = new(() => [Normal(2, 3, 4)], x => x[0].permute(2, 0, 1)),
        ["reshape"] = new(() => [Normal(2, 6)], x => x[0].reshape(3, -1)),
        ["view"] = new(() => [Normal(2, 6)], x => x[0].view(4, 3)),
        ["flatten"] = new(() => [Normal(2, 3, 4)], x => x[0].flatten(1)),
        ["contiguous"] = new(() => [Normal(3, 4)], x => x[0].t().contiguous()),
        ["unsqueeze, squeeze"] = new(() => [Normal(3)], x => x[0].unsqueeze(0).squeeze(0)),
        ["expand"] = new(() => [Normal(3, 1)], x => x[0].expand(3, 4)),
        ["repeat"] = new(() => [Normal(2, 3)], x => x[0].repeat(2, 2)),
        ["repeat_interleave"] = new(() => [Normal(3)], x => x[0].repeat_interleave(2)),
        ["narrow"] = new(() => [Normal(5, 2)], x => x[0].narrow(0, 1, 3)),
        ["select"] = new(() => [Normal(5, 2)], x => x[0].select(0, 2)),
        ["slice"] = new(() => [Normal(7)], x => x[0].slice(0, 1, 7, 2)),
        ["indexer"] = new(() => [Normal(4, 5)], x => x[0][TensorIndex.Slice(1), TensorIndex.Single(-1)]),
        ["index by tensor"] = new(() => [Normal(4, 2)], x => x[0][Ids(3, 0, 3)]),
        ["index_select"] = new(() => [Normal(4, 2)], x => x[0].index_select(0, Ids(3, 0, 3))),
        ["gather"] = new(() => [Normal(3, 4)], x => x[0].gather(1, Ids(3, 0, 1).unsqueeze(1))),
        ["scatter"] = new(() => [Normal(3, 4), Normal(3, 1)], x => x[0].scatter(1, Ids(3, 0, 1).unsqueeze(1), x[1])),
        ["scatter_add"] = new(() => [Normal(4), Normal(3)], x => x[0].scatter_add(0, Ids(3, 0, 3), x[1])),
        ["index_add"] = new(() => [Normal(4, 2), Normal(3, 2)], x => x[0].index_add(0, Ids(3, 0, 3), x[1], 0.5)),
        ["triu"] = new(() => [Normal(4, 4)], x => x[0].triu(1)),
        ["tril"] = new(() => [Normal(4, 4)], x => x[0].tril()),
        ["diag"] = new(() => [Normal(4, 4)], x => x[0].diag()),
        ["flip"] = new(() => [Normal(4)], x => x[0].flip(0)),
        ["cat"] = new(() => [Normal(2, 3), Normal(1, 3)], x => torch.cat([x[0], x[1]])),
        ["stack"] = new(() => [Normal(3), Normal(3)], x => torch.stack([x[0], x[1]], 1)),
        ["split"] = new(() => [Normal(5, 2)], x => x[0].split(2)[1]),
        ["chunk"] = new(() => [Normal(4, 2)], x => x[0].chunk(2)[1]),
        ["clone"] = new(() => [Normal(3)], x => x[0].clone()),
        ["linear"] = new(() => [Normal(3, 4), Normal(2, 4), Normal(2)], x => F.linear(x[0], x[1], x[2])),
        ["linear without bias"] = new(() => [Normal(3, 4), Normal(2, 4)], x => F.linear(x[0], x[1])),
        ["layer_norm"] = new(
            () => [Normal(3, 8), Normal(8), Normal(8)],
            x => F.layer_norm(x[0], [8L], x[1], x[2], 1e-12)),
        ["batch_norm, training"] = new(
            () => [Normal(6, 3), Normal(3), Normal(3)],
            x => F.batch_norm(x[0], torch.zeros(3, float64), torch.ones(3, float64), x[1], x[2], training: true)),
        ["batch_norm, evaluation"] = new(
            () => [Normal(6, 3), Normal(3), Normal(3)],
            x => F.batch_norm(x[0], torch.full(3, 0.2, float64), torch.full(3, 2.0, float64), x[1], x[2])),
        ["cross_entropy"] = new(() => [Normal(3, 4)], x => F.cross_entropy(x[0], Ids(1, 3, 0))),
        ["cross_entropy, summed, one ignored"] = new(
            () => [Normal(3, 4)],
            x => F.cross_entropy(x[0], Ids(1, -100, 0), reduction: nn.Reduction.Sum)),
        ["cross_entropy of probabilities"] = new(
            () => [Normal(3, 4)],
            x => F.cross_entropy(x[0], Constant(3, 4).softmax(1), reduction: nn.Reduction.None)),
        ["nll_loss"] = new(() => [Normal(3, 4)], x => F.nll_loss(x[0].log_softmax(1), Ids(1, 3, 0))),
        ["binary_cross_entropy_with_logits"] = new(
            () => [Normal(3, 4)],
            x => F.binary_cross_entropy_with_logits(x[0], Constant(3, 4).sigmoid())),
        ["mse_loss"] = new(() => [Normal(3, 4), Normal(3, 4)], x => F.mse_loss(x[0], x[1])),
        ["kl_div"] = new(
            () => [Normal(3, 4)],
            x => F.kl_div(x[0].log_softmax(1), Constant(3, 4).softmax(1), false, nn.Reduction.Sum)),
        ["scaled_dot_product_attention"] = new(
            () => [Normal(2, 3, 4), Normal(2, 5, 4), Normal(2, 5, 4)],
            x => F.scaled_dot_product_attention(x[0], x[1], x[2])),
        ["scaled_dot_product_attention, causal"] = new(
            () => [Normal(2, 4, 3), Normal(2, 4, 3), Normal(2, 4, 3)],
            x => F.scaled_dot_product_attention(x[0], x[1], x[2], is_casual: true)),
        ["scaled_dot_product_attention, masked"] = new(
            () => [Normal(2, 4, 3), Normal(2, 4, 3), Normal(2, 4, 3)],
            x => F.scaled_dot_product_attention(x[0], x[1], x[2], Alternating(4))),
        ["normalize"] = new(() => [Normal(3, 4)], x => F.normalize(x[0])),
        ["cosine_similarity"] = new(() => [Normal(3, 4), Normal(3, 4)], x => F.cosine_similarity(x[0], x[1])),
        ["dropout that keeps all"] = new(() => [Normal(3, 4)], x => F.dropout(x[0], 0.0)),
        ["to float64"] = new(() => [Normal(3)], x => x[0].to(float64)),
        ["in place"] = new(
            () => [Normal(3), Normal(3)],
            x => x[0].clone().mul_(x[1]).add_(x[1]).div_(2.0).sub_(x[0])),
        ["copy_ into a slice"] = new(
            () => [Normal(4), Normal(2)],
            x => x[0].clone().index_put_(x[1], TensorIndex.Slice(1, 3))),
    };

    public static TheoryData<string> Names => [.. Cases.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void The_gradient_is_the_limit_of_differences(string name)
    {
        using var scope = NewDisposeScope();
        manual_seed(7);
        var (makeInputs, function) = Cases[name];
        var inputs = makeInputs().Select(one => one.detach().contiguous().requires_grad_()).ToArray();
        var output = function(inputs);
        var weights = randn(output.shape, float64);
        (output * weights).sum().backward();

        double Loss()
        {
            using var inner = NewDisposeScope();
            using var _ = no_grad();
            return (function(inputs) * weights).sum().item<double>();
        }

        foreach (var input in inputs)
        {
            using var values = input.data<double>();
            var analytic = input.grad!.contiguous().data<double>().ToArray();
            for (long i = 0; i < values.Count; i++)
            {
                var centre = values[i];
                values[i] = centre + Step;
                var above = Loss();
                values[i] = centre - Step;
                var below = Loss();
                values[i] = centre;
                var numeric = (above - below) / (2 * Step);
                Assert.True(
                    Math.Abs(numeric - analytic[i]) <= Tolerance * Math.Max(1, Math.Abs(numeric)),
                    $"{name}: element {i} has gradient {analytic[i]}, by differences {numeric}");
            }
        }
    }

    private static Tensor Normal(params long[] shape) => randn(shape, float64);

    private static Tensor Positive(params long[] shape) => rand(shape, float64) + 0.5;

    /// <summary>Shuffled values at least 0.1 apart and off zero, so that no difference crosses a kink.</summary>
    private static Tensor Apart(params long[] shape)
    {
        var count = shape.Aggregate(1L, (product, length) => product * length);
        return ((randperm(count).to(float64) - (count / 2.0) + 0.25) * 0.3).reshape(shape);
    }

    private static Tensor Constant(long rows, long columns) =>
        torch.arange(rows * columns).to(float64).sin().reshape(rows, columns);

    private static Tensor Alternating(long count) => torch.arange(count).remainder(2).eq(0);

    private static Tensor Ids(params long[] ids) => torch.tensor(ids);
}
