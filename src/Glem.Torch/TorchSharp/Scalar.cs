namespace TorchSharp;

/// <summary>A number on its way into an operator; .NET numbers convert to it by themselves.</summary>
public sealed class Scalar : IDisposable
{
    private readonly long integer;
    private readonly double real;

    private Scalar(torch.ScalarType type, long integer, double real)
    {
        Type = type;
        this.integer = integer;
        this.real = real;
    }

    public torch.ScalarType Type { get; }

    internal double Real => torch.is_floating_point(Type) ? real : integer;

    internal long Integer => torch.is_floating_point(Type) ? (long)real : integer;

    private static Scalar OfInteger(torch.ScalarType type, long value) => new(type, value, 0);

    private static Scalar OfReal(torch.ScalarType type, double value) => new(type, 0, value);

    public static implicit operator Scalar(byte value) => OfInteger(torch.ScalarType.Byte, value);

    public static implicit operator Scalar(sbyte value) => OfInteger(torch.ScalarType.Int8, value);

    public static implicit operator Scalar(short value) => OfInteger(torch.ScalarType.Int16, value);

    public static implicit operator Scalar(int value) => OfInteger(torch.ScalarType.Int32, value);

    public static implicit operator Scalar(long value) => OfInteger(torch.ScalarType.Int64, value);

    public static implicit operator Scalar(Half value) => OfReal(torch.ScalarType.Float16, (double)value);

    public static implicit operator Scalar(BFloat16 value) => OfReal(torch.ScalarType.BFloat16, value.ToSingle());

    public static implicit operator Scalar(float value) => OfReal(torch.ScalarType.Float32, value);

    public static implicit operator Scalar(double value) => OfReal(torch.ScalarType.Float64, value);

    public static implicit operator Scalar(bool value) => OfInteger(torch.ScalarType.Bool, value ? 1 : 0);

    /// <summary>Nothing native is held: this is here because TorchSharp's scalars are disposable.</summary>
    public void Dispose() { }
}

/// <summary>Conversions by name, for languages without implicit ones.</summary>
public static class ScalarExtensionMethods
{
    public static Scalar ToScalar(this byte value) => value;

    public static Scalar ToScalar(this sbyte value) => value;

    public static Scalar ToScalar(this short value) => value;

    public static Scalar ToScalar(this int value) => value;

    public static Scalar ToScalar(this long value) => value;

    public static Scalar ToScalar(this float value) => value;

    public static Scalar ToScalar(this double value) => value;

    public static Scalar ToScalar(this bool value) => value;

    public static Scalar ToScalar(this Half value) => value;

    public static Scalar ToScalar(this BFloat16 value) => value;

    public static Scalar ToBFloat16Scalar(this float value) => new BFloat16(value);

    public static float ToSingle(this Scalar value) => (float)value.Real;

    public static double ToDouble(this Scalar value) => value.Real;

    public static sbyte ToSByte(this Scalar value) => (sbyte)value.Integer;

    public static byte ToByte(this Scalar value) => (byte)value.Integer;

    public static short ToInt16(this Scalar value) => (short)value.Integer;

    public static int ToInt32(this Scalar value) => (int)value.Integer;

    public static long ToInt64(this Scalar value) => value.Integer;

    public static bool ToBoolean(this Scalar value) => value.Real != 0;
}
