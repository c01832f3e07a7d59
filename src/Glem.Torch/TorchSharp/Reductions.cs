namespace TorchSharp;

// Many elements become one, or a running total, or a distribution.
public static partial class torch
{
    public partial class Tensor
    {
        public Tensor sum(ScalarType? type = null) => Call("sum", this, type);

        public Tensor sum(long[] dim, bool keepdim = false, ScalarType? type = null) =>
            Call("sum.dim_IntList", this, dim, keepdim, type);

        public Tensor sum(ReadOnlySpan<long> dim, bool keepdim = false, ScalarType? type = null) =>
            sum(dim.ToArray(), keepdim, type);

        public Tensor sum(long dim, bool keepdim = false, ScalarType? type = null) =>
            Call("sum.dim_IntList", this, dim, keepdim, type);

        public Tensor sum(long dim0, long dim1, bool keepdim = false, ScalarType? type = null) =>
            sum([dim0, dim1], keepdim, type);

        public Tensor mean() => Call("mean", this);

        public Tensor mean(long[] dimensions, bool keepdim = false, ScalarType? type = null) =>
            Call("mean.dim", this, dimensions, keepdim, type);

        public Tensor std(bool unbiased = true) => Call("std", this, unbiased);

        public Tensor std(long[] dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            Cast(Call("std.dim", this, dimensions, unbiased, keepdim), type);

        public Tensor std(
            ReadOnlySpan<long> dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            std(dimensions.ToArray(), unbiased, keepdim, type);

        public Tensor std(long dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            std([dim], unbiased, keepdim, type);

        public Tensor var(bool unbiased = true) => Call("var", this, unbiased);

        public Tensor var(long[] dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            Cast(Call("var.dim", this, dimensions, unbiased, keepdim), type);

        public Tensor var(
            ReadOnlySpan<long> dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            var(dimensions.ToArray(), unbiased, keepdim, type);

        public Tensor var(long dim, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
            var([dim], unbiased, keepdim, type);

        /// <summary>The variance, which TorchSharp calls <c>std</c> here, and the mean.</summary>
        public (Tensor std, Tensor mean) var_mean(
            long[] dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null)
        {
            var (variance, average) = CallPair("var_mean.dim", this, dimensions, unbiased, keepdim);
            return (Cast(variance, type), Cast(average, type));
        }

        public Tensor max() => Call("max", this);

        public Tensor max(Tensor other) => Call("max.other", this, other);

        public (Tensor values, Tensor indexes) max(long dim, bool keepdim = false) =>
            CallPair("max.dim", this, dim, keepdim);

        public Tensor argmax() => Call("argmax", this);

        public Tensor argmax(long dim, bool keepdim = false) => Call("argmax", this, dim, keepdim);

        public Tensor amax(params long[] dims) => Call("amax", this, dims);

        public Tensor amax(long[] dims, bool keepdim = false) => Call("amax", this, dims, keepdim);

        public Tensor min() => Call("min", this);

        public Tensor min(Tensor other) => Call("min.other", this, other);

        public (Tensor values, Tensor indexes) min(long dim, bool keepdim = false) =>
            CallPair("min.dim", this, dim, keepdim);

        public Tensor argmin() => Call("argmin", this);

        public Tensor argmin(long dim, bool keepdim = false) => Call("argmin", this, dim, keepdim);

        public Tensor amin(params long[] dims) => Call("amin", this, dims);

        public Tensor amin(long[] dims, bool keepdim = false) => Call("amin", this, dims, keepdim);

        public Tensor all() => Call("all", this);

        public Tensor all(long dim, bool keepdim = false) => Call("all.dim", this, dim, keepdim);

        public Tensor any() => Call("any", this);

        public Tensor any(long dim, bool keepdim = false) => Call("any.dim", this, dim, keepdim);

        public Tensor median() => Call("median", this);

        public Tensor norm(float p = 2.0f) => Call("norm.Scalar", this, (double)p);

        public Tensor norm(int dim, bool keepdim = false, float p = 2.0f) =>
            Call("norm.ScalarOpt_dim", this, (double)p, dim, keepdim);

        public Tensor logsumexp(long dim, bool keepdim = false) => Call("logsumexp", this, dim, keepdim);

        public Tensor cumsum(long dim, ScalarType? type = null) => Call("cumsum", this, dim, type);

        public Tensor cumprod(long dim, ScalarType? type = null) => Call("cumprod", this, dim, type);

        public Tensor count_nonzero(long[]? dims = null) =>
            dims is null ? Call("count_nonzero", this) : Call("count_nonzero.dim_IntList", this, dims);

        public Tensor bincount(Tensor? weights, long minlength = 0) => Call("bincount", this, weights, minlength);

        public Tensor softmax(long dim, ScalarType? dtype = null) => Call("softmax.int", this, dim, dtype);

        public Tensor log_softmax(long dim, ScalarType? dtype = null) => Call("log_softmax.int", this, dim, dtype);

        private static Tensor Cast(Tensor answer, ScalarType? type) =>
            type is { } wanted ? answer.to_type(wanted, disposeAfter: true) : answer;
    }

    public static Tensor sum(Tensor input, ScalarType? type = null) => input.sum(type);

    public static Tensor sum(Tensor input, ReadOnlySpan<long> dim, bool keepdim = false, ScalarType? type = null) =>
        input.sum(dim, keepdim, type);

    public static Tensor sum(Tensor input, long dim, bool keepdim = false, ScalarType? type = null) =>
        input.sum(dim, keepdim, type);

    public static Tensor mean(Tensor input) => input.mean();

    public static Tensor mean(Tensor input, long[] dimensions, bool keepdim = false, ScalarType? type = null) =>
        input.mean(dimensions, keepdim, type);

    public static Tensor std(Tensor input, bool unbiased = true) => input.std(unbiased);

    public static Tensor std(
        Tensor input, long[] dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
        input.std(dimensions, unbiased, keepdim, type);

    public static Tensor std(
        Tensor input, long dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
        input.std(dimensions, unbiased, keepdim, type);

    public static Tensor var(Tensor input, bool unbiased = true) => input.var(unbiased);

    public static Tensor var(
        Tensor input, long[] dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
        input.var(dimensions, unbiased, keepdim, type);

    public static Tensor var(
        Tensor input, long dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
        input.var(dimensions, unbiased, keepdim, type);

    public static (Tensor @var, Tensor mean) var_mean(
        Tensor input, long[] dimensions, bool unbiased = true, bool keepdim = false, ScalarType? type = null) =>
        input.var_mean(dimensions, unbiased, keepdim, type);

    public static Tensor max(Tensor input) => input.max();

    public static Tensor max(Tensor input, Tensor other) => input.max(other);

    public static (Tensor values, Tensor indexes) max(Tensor input, long dim, bool keepdim = false) =>
        input.max(dim, keepdim);

    public static Tensor argmax(Tensor input) => input.argmax();

    public static Tensor argmax(Tensor input, long dim, bool keepdim = false) => input.argmax(dim, keepdim);

    public static Tensor min(Tensor input) => input.min();

    public static Tensor min(Tensor input, Tensor other) => input.min(other);

    public static (Tensor values, Tensor indexes) min(Tensor input, long dim, bool keepdim = false) =>
        input.min(dim, keepdim);

    public static Tensor argmin(Tensor input) => input.argmin();

    public static Tensor argmin(Tensor input, long dim, bool keepdim = false) => input.argmin(dim, keepdim);

    public static Tensor all(Tensor input) => input.all();

    public static Tensor all(Tensor input, long dim, bool keepdim = false) => input.all(dim, keepdim);

    public static Tensor any(Tensor input) => input.any();

    public static Tensor any(Tensor input, long dim, bool keepdim = false) => input.any(dim, keepdim);

    public static Tensor norm(Tensor input) => input.norm();

    public static Tensor logsumexp(Tensor input, long dim, bool keepdim = false) => input.logsumexp(dim, keepdim);

    public static Tensor cumsum(Tensor input, long dim, ScalarType? type = null) => input.cumsum(dim, type);

    public static Tensor bincount(Tensor input, Tensor? weights = null, long minlength = 0) =>
        input.bincount(weights, minlength);

    public static Tensor softmax(Tensor input, int dim, ScalarType? dtype = null) => input.softmax(dim, dtype);
}
