namespace TorchSharp;

// Tests, masks and orders.
public static partial class torch
{
    public partial class Tensor
    {
        public Tensor eq(Tensor target) => Call("eq.Tensor", this, target);

        public Tensor eq(Scalar target) => Call("eq.Scalar", this, target);

        public Tensor ne(Tensor target) => Call("ne.Tensor", this, target);

        public Tensor ne(Scalar target) => Call("ne.Scalar", this, target);

        public Tensor lt(Tensor target) => Call("lt.Tensor", this, target);

        public Tensor lt(Scalar target) => Call("lt.Scalar", this, target);

        public Tensor le(Tensor target) => Call("le.Tensor", this, target);

        public Tensor le(Scalar target) => Call("le.Scalar", this, target);

        public Tensor gt(Tensor target) => Call("gt.Tensor", this, target);

        public Tensor gt(Scalar target) => Call("gt.Scalar", this, target);

        public Tensor ge(Tensor target) => Call("ge.Tensor", this, target);

        public Tensor ge(Scalar target) => Call("ge.Scalar", this, target);

        public Tensor logical_and(Tensor other) => Call("logical_and", this, other);

        public Tensor logical_or(Tensor other) => Call("logical_or", this, other);

        public Tensor logical_xor(Tensor other) => Call("logical_xor", this, other);

        public Tensor logical_not() => Call("logical_not", this);

        public Tensor isnan() => Call("isnan", this);

        public Tensor isinf() => Call("isinf", this);

        public Tensor isfinite() => Call("isfinite", this);

        public Tensor equal(Tensor target) => eq(target);

        public Tensor isclose(Tensor other, double rtol = 1e-05, double atol = 1e-08, bool nanEqual = false) =>
            Call("isclose", this, other, rtol, atol, nanEqual);

        public bool allclose(Tensor target, double rtol = 1e-05, double atol = 1e-08, bool equal_nan = false) =>
            Glem.Torch.Extensions.Dispatcher.CallNumber("allclose", this, target, rtol, atol, equal_nan) != 0;

        /// <summary>Same shape and same elements.</summary>
        public bool Equals(Tensor target) => Glem.Torch.Extensions.Dispatcher.CallNumber("equal", this, target) != 0;

        public Tensor where(Tensor condition, Tensor y) => Call("where.self", condition, this, y);

        public Tensor masked_fill(Tensor mask, Scalar value) => Call("masked_fill.Scalar", this, mask, value);

        public Tensor masked_fill_(Tensor mask, Scalar value) => Call("masked_fill_.Scalar", this, mask, value);

        public Tensor masked_select(Tensor mask) => Call("masked_select", this, mask);

        public Tensor nonzero() => Call("nonzero", this);

        public Tensor isin(Tensor test_elements, bool assumeUnique = false, bool invert = false) =>
            Call("isin.Tensor_Tensor", this, test_elements, assumeUnique, invert);

        /// <summary>The k largest (or smallest) along a dimension, and where they are.</summary>
        public (Tensor values, Tensor indexes) topk(int k, int dim = -1, bool largest = true, bool sorted = true) =>
            CallPair("topk", this, k, dim, largest, sorted);

        public (Tensor Values, Tensor Indices) sort(long dim = -1, bool descending = false, bool stable = false) =>
            CallPair("sort.stable", this, stable, dim, descending);

        public Tensor argsort(long dim = -1, bool descending = false) => Call("argsort", this, dim, descending);

        /// <summary>
        /// The distinct elements; with them, where each element went and how often each occurs, if asked.
        /// </summary>
        public (Tensor output, Tensor? inverse_indices, Tensor? counts) unique(
            bool sorted = true, bool return_inverse = false, bool return_counts = false, int? dim = null)
        {
            var found = dim is { } along
                ? Glem.Torch.Extensions.Dispatcher.CallMany(
                    "unique_dim", this, along, sorted, return_inverse, return_counts)
                : Glem.Torch.Extensions.Dispatcher.CallMany("_unique2", this, sorted, return_inverse, return_counts);
            return (found[0]!, Wanted(found[1], return_inverse), Wanted(found[2], return_counts));
        }

        private static Tensor? Wanted(Tensor? found, bool wanted)
        {
            if (wanted)
                return found;
            found?.Dispose();
            return null;
        }
    }

    public static Tensor eq(Tensor left, Tensor right) => left.eq(right);

    public static Tensor ne(Tensor left, Tensor right) => left.ne(right);

    public static Tensor lt(Tensor left, Tensor right) => left.lt(right);

    public static Tensor le(Tensor left, Tensor right) => left.le(right);

    public static Tensor gt(Tensor left, Tensor right) => left.gt(right);

    public static Tensor ge(Tensor left, Tensor right) => left.ge(right);

    public static Tensor logical_and(Tensor left, Tensor right) => left.logical_and(right);

    public static Tensor logical_or(Tensor left, Tensor right) => left.logical_or(right);

    public static Tensor logical_not(Tensor input) => input.logical_not();

    public static Tensor isnan(Tensor input) => input.isnan();

    public static Tensor isfinite(Tensor tensor) => tensor.isfinite();

    public static bool allclose(
        Tensor tensor, Tensor target, double rtol = 1e-05, double atol = 1e-08, bool equal_nan = false) =>
        tensor.allclose(target, rtol, atol, equal_nan);

    public static Tensor where(Tensor condition, Tensor x, Tensor y) => x.where(condition, y);

    public static Tensor nonzero(Tensor input) => input.nonzero();

    public static Tensor masked_select(Tensor input, Tensor mask) => input.masked_select(mask);

    public static (Tensor values, Tensor indices) topk(
        Tensor tensor, int k, int dim = -1, bool largest = true, bool sorted = true) =>
        tensor.topk(k, dim, largest, sorted);

    public static (Tensor values, Tensor indices) sort(
        Tensor input, long dim = -1, bool descending = false, bool stable = false) =>
        input.sort(dim, descending, stable);

    public static Tensor argsort(Tensor input, long dim = -1, bool descending = false) =>
        input.argsort(dim, descending);
}
