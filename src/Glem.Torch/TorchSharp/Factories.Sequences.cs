namespace TorchSharp;

// Counted, spaced, drawn.
public static partial class torch
{
    /// <summary>start, start + step, … below stop; whole numbers unless one of the three is not.</summary>
    public static Tensor arange(
        Scalar start, Scalar stop, Scalar step, ScalarType? dtype = null, Device? device = null,
        bool requires_grad = false) =>
        Leaf(Call("arange.start_step", start, stop, step, dtype, default, device), requires_grad);

    public static Tensor arange(
        Scalar start, Scalar stop, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        arange(start, stop, 1, dtype, device, requires_grad);

    public static Tensor arange(
        Scalar stop, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        arange(0, stop, 1, dtype, device, requires_grad);

    public static Tensor linspace(
        double start, double end, long steps, ScalarType? dtype = null, Device? device = null,
        bool requires_grad = false) =>
        Leaf(Call("linspace", start, end, steps, dtype, default, device), requires_grad);

    public static Tensor eye(
        long rows, long columns = -1L, ScalarType? dtype = null, Device? device = null, bool requires_grad = false) =>
        Leaf(Call("eye.m", rows, columns < 0 ? rows : columns, dtype, default, device), requires_grad);

    /// <summary>Whole numbers drawn evenly from low (inclusive) to high (exclusive).</summary>
    public static Tensor randint(
        long low, long high, long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        Generator? generator = null) =>
        Leaf(
            Call("randint.low_generator", low, high, size, generator, dtype ?? ScalarType.Int64, default, device),
            requires_grad);

    public static Tensor randint(
        long high, long[] size, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        Generator? generator = null) =>
        randint(0, high, size, dtype, device, requires_grad, generator);

    /// <summary>0 … n-1 in random order.</summary>
    public static Tensor randperm(
        long n, ScalarType? dtype = null, Device? device = null, bool requires_grad = false,
        Generator? generator = null) =>
        Leaf(Call("randperm.generator", n, generator, dtype ?? ScalarType.Int64, default, device), requires_grad);
}
