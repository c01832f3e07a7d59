using static TorchSharp.torch;

namespace Glem.Torch.Extensions;

/// <summary>
/// The operators of <see cref="Ops"/> written in TorchSharp's own: the clear version, the tests' oracle, and what runs
/// on the official package. Same arguments, same numbers up to rounding, the same dropout masks to the bit.
/// </summary>
public static class PlainOps
{
    private const long Golden = unchecked((long)0x9e3779b97f4a7c15);

    /// <summary>As <see cref="Ops.Spmm"/>; autograd needs no transpose here.</summary>
    public static Tensor Spmm(Tensor rowptr, Tensor col, Tensor? weight, Tensor x)
    {
        using var scope = NewDisposeScope();
        var n = rowptr.shape[0] - 1;
        var degrees = (rowptr.narrow(0, 1, n) - rowptr.narrow(0, 0, n)).to(int64);
        var rows = arange(n, int64, x.device).repeat_interleave(degrees);
        var gathered = x.index_select(0, col);
        if (weight is not null)
            gathered = gathered * weight.to(x.dtype).unsqueeze(1);
        return zeros(n, x.shape[1], x.dtype, x.device).index_add(0, rows, gathered, 1).MoveToOuterDisposeScope();
    }

    /// <summary>As <see cref="Ops.SpmmByRow"/>, a weight made for each entry.</summary>
    public static Tensor SpmmByRow(Tensor rowptr, Tensor col, Tensor weight, Tensor x)
    {
        using var scope = NewDisposeScope();
        var n = rowptr.shape[0] - 1;
        var degrees = (rowptr.narrow(0, 1, n) - rowptr.narrow(0, 0, n)).to(int64);
        return Spmm(rowptr, col, weight.repeat_interleave(degrees), x).MoveToOuterDisposeScope();
    }

    /// <summary>As <see cref="Ops.Dropout"/>.</summary>
    public static Tensor Dropout(Tensor x, double p, long seed)
    {
        using var scope = NewDisposeScope();
        var scales = KeepScales(arange(x.numel(), int64, x.device), p, seed);
        return (x * scales.reshape(x.shape).to(x.dtype)).MoveToOuterDisposeScope();
    }

    /// <summary>As <see cref="Ops.DropoutLinear"/>, the dropped copy made whole.</summary>
    public static Tensor[] DropoutLinear(Tensor x, Tensor[] weights, double p, long seed)
    {
        using var scope = NewDisposeScope();
        var dropped = p > 0 ? Dropout(x, p, seed) : x;
        return Array.ConvertAll(weights, weight => nn.functional.linear(dropped, weight).MoveToOuterDisposeScope());
    }

    /// <summary>As <see cref="Ops.BatchNormRelu"/>.</summary>
    public static Tensor BatchNormRelu(
        Tensor x, Tensor weight, Tensor bias, Tensor? runningMean, Tensor? runningVar, bool training, double momentum,
        double eps)
    {
        using var scope = NewDisposeScope();
        return nn.functional
            .batch_norm(x, runningMean, runningVar, weight, bias, training, momentum, eps)
            .relu()
            .MoveToOuterDisposeScope();
    }

    /// <summary>As <see cref="Ops.BiasGelu"/>.</summary>
    public static Tensor BiasGelu(Tensor x, Tensor bias)
    {
        using var scope = NewDisposeScope();
        var type = Accumulator(x.dtype);
        return nn.functional.gelu(x.to(type) + bias.to(type)).to(x.dtype).MoveToOuterDisposeScope();
    }

    /// <summary>As <see cref="Ops.DropoutAddLayerNorm"/>.</summary>
    public static Tensor DropoutAddLayerNorm(
        Tensor x, Tensor? bias, Tensor residual, Tensor weight, Tensor lnBias, double p, long seed, double eps)
    {
        using var scope = NewDisposeScope();
        var type = Accumulator(x.dtype);
        var branch = x.to(type);
        if (bias is not null)
            branch = branch + bias;
        var sum = residual.to(type) + Dropout(branch, p, seed);
        return nn.functional.layer_norm(sum, [x.shape[^1]], weight, lnBias, eps).to(x.dtype).MoveToOuterDisposeScope();
    }

    /// <summary>As <see cref="Ops.Attention"/>, one sequence after the other.</summary>
    public static Tensor Attention(
        Tensor qkv, Tensor cuSeqlens, long heads, double p, long seed, long? reach = null)
    {
        using var scope = NewDisposeScope();
        var bounds = Bounds(cuSeqlens);
        var total = qkv.shape[0];
        var width = qkv.shape[1] / 3 / heads;
        var type = Accumulator(qkv.dtype);
        var outputs = new List<Tensor> { qkv.narrow(0, 0, 0).narrow(1, 0, heads * width) };
        for (var s = 0; s + 1 < bounds.Length; s++)
        {
            var t = bounds[s + 1] - bounds[s];
            if (t == 0)
                continue;
            var parts = qkv.narrow(0, bounds[s], t).to(type).reshape(t, 3, heads, width).permute(1, 2, 0, 3);
            var scores = parts.select(0, 0).matmul(parts.select(0, 1).transpose(1, 2)) / Math.Sqrt(width);
            if (reach < t)
            {
                var place = arange(t, int64, qkv.device);
                scores = scores.masked_fill((place.unsqueeze(1) - place).abs().gt(reach.Value), -1e30);
            }
            var probabilities = scores.softmax(-1);
            if (p > 0)
            {
                var head = arange(heads, int64, qkv.device).reshape(heads, 1, 1) * total;
                var query = arange(t, int64, qkv.device).reshape(1, t, 1) + bounds[s];
                var index = (head + query) * 65536 + arange(t, int64, qkv.device).reshape(1, 1, t);
                probabilities = probabilities * KeepScales(index, p, seed).to(type);
            }
            var context = probabilities.matmul(parts.select(0, 2)).transpose(0, 1).reshape(t, heads * width);
            outputs.Add(context.to(qkv.dtype));
        }
        return cat(outputs).MoveToOuterDisposeScope();
    }

    /// <summary>As <see cref="Ops.RelativeSoftmax"/>.</summary>
    public static Tensor RelativeSoftmax(
        Tensor scores, Tensor? toPositions, Tensor? fromPositions, Tensor lengths, double scale, double p, long seed)
    {
        using var scope = NewDisposeScope();
        var type = Accumulator(scores.dtype);
        var sum = scores.to(type);
        if (toPositions is not null)
            sum = sum + Skew(toPositions.to(type));
        if (fromPositions is not null)
            sum = sum + Skew(fromPositions.to(type)).transpose(2, 3);
        var within = arange(scores.shape[2], int64, lengths.device).lt(lengths.unsqueeze(1)).to(scores.device); // [b; l]
        var (rows, columns) = (within.unsqueeze(2), within.unsqueeze(1));
        var probabilities = (sum / scale).masked_fill(columns.logical_not(), -1e30).softmax(-1);
        probabilities = probabilities * (rows.to(type) * columns.to(type));
        return Dropout(probabilities, p, seed).to(scores.dtype).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// From scores of rows against all relative positions to scores of pairs: x : [h; b; l; 2 l], result : [h; b; l; l],
    /// result[i, j] = x[i, j - i + l - 1].
    /// </summary>
    private static Tensor Skew(Tensor x)
    {
        var (h, b, l) = (x.shape[0], x.shape[1], x.shape[2]);
        var from = x.reshape(h, b, 2 * l * l).narrow(2, l - 1, l * (2 * l - 1));
        return from.reshape(h, b, l, 2 * l - 1).narrow(3, 0, l);
    }

    /// <summary>As <see cref="Ops.Rotary"/>.</summary>
    public static Tensor Rotary(Tensor qkv, Tensor cosines, Tensor sines, long heads)
    {
        using var scope = NewDisposeScope();
        var type = Accumulator(qkv.dtype);
        var (t, half) = (cosines.shape[0], cosines.shape[1]);
        var parts = qkv.to(type).reshape(t, 3, heads, 2, half);
        var (cos, sin) = (cosines.to(type).reshape(t, 1, 1, half), sines.to(type).reshape(t, 1, 1, half));
        var turning = parts.narrow(1, 0, 2);
        var (a, b) = (turning.select(3, 0), turning.select(3, 1));
        var turned = stack([a * cos - b * sin, b * cos + a * sin], 3);
        return cat([turned, parts.narrow(1, 2, 1)], 1).reshape(qkv.shape).to(qkv.dtype).MoveToOuterDisposeScope();
    }

    /// <summary>As <see cref="Ops.CrossEntropy"/>.</summary>
    public static Tensor CrossEntropy(Tensor logits, Tensor bias, Tensor truth)
    {
        using var scope = NewDisposeScope();
        var type = Accumulator(logits.dtype);
        return nn.functional.cross_entropy(logits.to(type) + bias.to(type), truth).MoveToOuterDisposeScope();
    }

    /// <summary>As <see cref="Ops.SegmentMean"/>.</summary>
    public static Tensor SegmentMean(Tensor x, Tensor cuSeqlens)
    {
        using var scope = NewDisposeScope();
        var b = cuSeqlens.shape[0] - 1;
        var bounds = cuSeqlens.to(x.device).to(int64);
        var lengths = bounds.narrow(0, 1, b) - bounds.narrow(0, 0, b);
        var owners = arange(b, int64, x.device).repeat_interleave(lengths);
        var type = Accumulator(x.dtype);
        var sums = zeros(b, x.shape[1], type, x.device).index_add(0, owners, x.to(type), 1);
        return (sums / lengths.clamp_min(1).to(type).unsqueeze(1)).to(x.dtype).MoveToOuterDisposeScope();
    }

    /// <summary>As <see cref="Ops.EmbeddingLayerNorm"/>.</summary>
    public static Tensor EmbeddingLayerNorm(
        Tensor word, Tensor position, Tensor type, Tensor ids, Tensor positions, Tensor? kinds, Tensor weight,
        Tensor lnBias, double p, long seed, double eps, bool bfloat16)
    {
        using var scope = NewDisposeScope();
        var kind = kinds is null ? type.narrow(0, 0, 1) : type.index_select(0, kinds);
        var sum = word.index_select(0, ids) + position.index_select(0, positions) + kind;
        var normal = Dropout(nn.functional.layer_norm(sum, [word.shape[1]], weight, lnBias, eps), p, seed);
        return normal.to(bfloat16 ? ScalarType.BFloat16 : word.dtype).MoveToOuterDisposeScope();
    }

    /// <summary>As <see cref="Ops.AdamW"/>.</summary>
    public static void AdamW(
        Tensor[] parameters, Tensor[] grads, Tensor[] expAvg, Tensor[] expAvgSq, Tensor[] shadows, double lr,
        double beta1, double beta2, double eps, double weightDecay, long step, double gradScale)
    {
        using var frozen = no_grad();
        using var scope = NewDisposeScope();
        var correction1 = 1 - Math.Pow(beta1, step);
        var correction2 = Math.Sqrt(1 - Math.Pow(beta2, step));
        for (var i = 0; i < parameters.Length; i++)
        {
            var g = grads[i].to(parameters[i].dtype) * gradScale;
            parameters[i].mul_(1 - lr * weightDecay);
            expAvg[i].mul_(beta1).add_(g, 1 - beta1);
            expAvgSq[i].mul_(beta2).addcmul_(g, g, 1 - beta2);
            var denominator = expAvgSq[i].sqrt() / correction2 + eps;
            parameters[i].addcdiv_(expAvg[i], denominator, -lr / correction1);
            if (shadows.Length > 0)
                shadows[i].copy_(parameters[i]);
        }
    }

    /// <summary>As <see cref="Ops.GradNorm"/>.</summary>
    public static Tensor GradNorm(Tensor[] grads)
    {
        using var scope = NewDisposeScope();
        var total = zeros(Array.Empty<long>(), float64);
        foreach (var grad in grads)
            total = total + grad.to(float64).square().sum().to(CPU);
        return total.sqrt().MoveToOuterDisposeScope();
    }

    /// <summary>
    /// What dropout multiplies the elements of these indices by, float32: element i is kept when the 16 bits i mod 4 of
    /// hash(key, i / 4) are at least p 2^16, where hash is SplitMix64 (Steele, Lea and Flood 2014) and key the mixed
    /// seed.
    /// </summary>
    private static Tensor KeepScales(Tensor index, double p, long seed)
    {
        if (p is not (>= 0 and < 1))
            throw new ArgumentOutOfRangeException(nameof(p), p, "dropout: p must be in [0, 1)");
        var threshold = Math.Min(65535, (long)(p * 65536 + 0.5));
        var counter = Shifted(index, 2) + 1;
        var word = Mix(counter * Golden + (long)Mix((ulong)seed));
        var piece = word.bitwise_right_shift(index.bitwise_and(tensor(3L, device: index.device)) * 16)
            .bitwise_and(tensor(0xffffL, device: index.device));
        return piece.ge(threshold).to(float32) * (65536.0f / (65536.0f - threshold));
    }

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }

    private static Tensor Mix(Tensor z)
    {
        z = z.bitwise_xor(Shifted(z, 30)) * unchecked((long)0xbf58476d1ce4e5b9);
        z = z.bitwise_xor(Shifted(z, 27)) * unchecked((long)0x94d049bb133111eb);
        return z.bitwise_xor(Shifted(z, 31));
    }

    /// <summary>The logical shift of int64: what the arithmetic one copies of the sign is cut off.</summary>
    private static Tensor Shifted(Tensor z, int bits) =>
        z.bitwise_right_shift(tensor((long)bits, device: z.device))
            .bitwise_and(tensor((long)(ulong.MaxValue >> bits), device: z.device));

    private static ScalarType Accumulator(ScalarType type) => type == float64 ? float64 : float32;

    private static long[] Bounds(Tensor cuSeqlens)
    {
        using var bounds = cuSeqlens.to(CPU).to(int64);
        return bounds.data<long>().ToArray();
    }
}
