using System.Runtime.InteropServices;
using TorchSharp;

namespace Glem.Torch.Extensions;

/// <summary>Stored elements of any float type as float32: what weights are in memory, whatever their file holds.</summary>
public static class FloatElements
{
    /// <summary>Bytes of one element; 0 where the type is none of F16, BF16, F32 and F64.</summary>
    public static int Size(torch.ScalarType type) => type switch
    {
        torch.ScalarType.Float16 or torch.ScalarType.BFloat16 => 2,
        torch.ScalarType.Float32 => 4,
        torch.ScalarType.Float64 => 8,
        _ => 0,
    };

    /// <summary>Widens little-endian elements. F64 is rounded.</summary>
    /// <param name="bytes">As many elements as result has, of the type.</param>
    /// <param name="type">One that <see cref="Size"/> knows.</param>
    /// <param name="result">Where they go.</param>
    /// <exception cref="ArgumentException">Another type, or another number of bytes.</exception>
    public static void Widen(ReadOnlySpan<byte> bytes, torch.ScalarType type, Span<float> result)
    {
        if (Size(type) == 0 || bytes.Length != (long)Size(type) * result.Length)
            throw new ArgumentException($"{bytes.Length} bytes are not {result.Length} floats of type {type}.");
        switch (type)
        {
            case torch.ScalarType.Float32:
                MemoryMarshal.Cast<byte, float>(bytes).CopyTo(result);
                break;
            case torch.ScalarType.Float16:
                var halves = MemoryMarshal.Cast<byte, Half>(bytes);
                for (var i = 0; i < result.Length; i++)
                    result[i] = (float)halves[i];
                break;
            case torch.ScalarType.BFloat16:
                // The upper half of a float32.
                var upper = MemoryMarshal.Cast<byte, ushort>(bytes);
                for (var i = 0; i < result.Length; i++)
                    result[i] = BitConverter.UInt32BitsToSingle((uint)upper[i] << 16);
                break;
            default:
                var doubles = MemoryMarshal.Cast<byte, double>(bytes);
                for (var i = 0; i < result.Length; i++)
                    result[i] = (float)doubles[i];
                break;
        }
    }
}
