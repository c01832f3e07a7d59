using TorchSharp;

namespace Glem.Torch.Extensions;

/// <summary>What kind of value an <see cref="Arg"/> holds; the native side reads the same numbers.</summary>
internal enum ArgKind
{
    None = 0,
    Tensor = 1,
    Int = 2,
    Double = 3,
    Bool = 4,
    Ints = 5,
    Tensors = 6,
    String = 7,
    Device = 8,
    Generator = 9,
    Doubles = 10,
    Default = 11,
}

/// <summary>
/// One argument of an operator call, converted from the .NET value that stands for it. A null reference is the
/// operator's None; <see cref="Default"/> takes the default of the operator's schema.
/// </summary>
public readonly struct Arg
{
    internal readonly object? Reference;
    internal readonly long Bits;
    internal readonly ArgKind Kind;

    private Arg(ArgKind kind, object? reference, long bits = 0)
    {
        Reference = reference;
        Bits = bits;
        Kind = kind;
    }

    private static Arg Of(ArgKind kind, object? reference) => new(reference is null ? ArgKind.None : kind, reference);

    /// <summary>The default that the operator's schema gives this argument.</summary>
    public static Arg Default => new(ArgKind.Default, null);

    public static implicit operator Arg(torch.Tensor? value) => Of(ArgKind.Tensor, value);

    public static implicit operator Arg(torch.Tensor?[]? value) => Of(ArgKind.Tensors, value);

    public static implicit operator Arg(long value) => new(ArgKind.Int, null, value);

    public static implicit operator Arg(long? value) => value is { } some ? some : default(Arg);

    public static implicit operator Arg(double value) =>
        new(ArgKind.Double, null, BitConverter.DoubleToInt64Bits(value));

    public static implicit operator Arg(double? value) => value is { } some ? some : default(Arg);

    public static implicit operator Arg(bool value) => new(ArgKind.Bool, null, value ? 1 : 0);

    public static implicit operator Arg(long[]? value) => Of(ArgKind.Ints, value);

    public static implicit operator Arg(double[]? value) => Of(ArgKind.Doubles, value);

    public static implicit operator Arg(string? value) => Of(ArgKind.String, value);

    public static implicit operator Arg(torch.ScalarType value) => new(ArgKind.Int, null, (long)value);

    public static implicit operator Arg(torch.ScalarType? value) => value is { } some ? some : default(Arg);

    public static implicit operator Arg(torch.Device? value) => Of(ArgKind.Device, value);

    public static implicit operator Arg(torch.Generator? value) => Of(ArgKind.Generator, value);

    public static implicit operator Arg(Scalar? value) =>
        value is null
            ? default
            : value.Type switch
            {
                torch.ScalarType.Bool => value.ToBoolean(),
                torch.ScalarType.Float32 or torch.ScalarType.Float64 or torch.ScalarType.BFloat16
                    or torch.ScalarType.Float16 => value.ToDouble(),
                _ => value.ToInt64(),
            };
}
