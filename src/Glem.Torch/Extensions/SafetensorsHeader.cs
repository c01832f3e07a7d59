using System.Buffers.Binary;
using System.Text.Json;
using TorchSharp;

namespace Glem.Torch.Extensions;

/// <summary>What stands before the tensors of a safetensors file, which may lie.</summary>
internal static class SafetensorsHeader
{
    internal const int LengthBytes = 8;
    internal const string MetadataKey = "__metadata__";
    private const long MaxHeaderBytes = 100_000_000;

    internal static readonly (string Name, torch.ScalarType Type, int Bytes)[] Types =
    [
        ("F64", torch.ScalarType.Float64, 8),
        ("F32", torch.ScalarType.Float32, 4),
        ("F16", torch.ScalarType.Float16, 2),
        ("BF16", torch.ScalarType.BFloat16, 2),
        ("I64", torch.ScalarType.Int64, 8),
        ("I32", torch.ScalarType.Int32, 4),
        ("I16", torch.ScalarType.Int16, 2),
        ("I8", torch.ScalarType.Int8, 1),
        ("U8", torch.ScalarType.Byte, 1),
        ("BOOL", torch.ScalarType.Bool, 1),
    ];

    /// <summary>One tensor: its bytes are Begin up to End of the data behind the header.</summary>
    internal sealed record Entry(string Name, torch.ScalarType Type, long[] Shape, long Begin, long End);

    /// <summary>
    /// The tensors that a file's header names, checked against each other and the file's length, and where their data
    /// starts. Allocates no more than the header has bytes, in order of magnitude.
    /// </summary>
    /// <exception cref="InvalidDataException">Not such a file: names the file, the key, what was found.</exception>
    internal static (IReadOnlyList<Entry> Entries, long DataStart) Read(FileStream file, string path)
    {
        if (file.Length < LengthBytes)
            throw Malformed(path, $"found {file.Length} bytes, expected at least {LengthBytes}");
        var prefix = new byte[LengthBytes];
        file.ReadExactly(prefix);
        var length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        var most = (ulong)Math.Min(MaxHeaderBytes, file.Length - LengthBytes);
        if (length > most)
            throw Malformed(
                path, $"the header's length is {length}, expected at most {most}; is it a safetensors file?");
        var header = new byte[length];
        file.ReadExactly(header);
        var dataStart = LengthBytes + (long)length;
        try
        {
            using var json = JsonDocument.Parse(header);
            var entries = Entries(json.RootElement, path);
            CheckLayout(entries, file.Length - dataStart, path);
            return (entries, dataStart);
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException)
        {
            throw Malformed(path, $"the header is not JSON: {failure.Message}");
        }
    }

    private static List<Entry> Entries(JsonElement header, string path)
    {
        if (header.ValueKind != JsonValueKind.Object)
            throw Malformed(path, $"the header is a JSON {header.ValueKind}, expected an object");
        var entries = new List<Entry>();
        var names = new HashSet<string>();
        foreach (var property in header.EnumerateObject())
        {
            if (!names.Add(property.Name))
                throw Malformed(path, $"'{property.Name}' occurs twice");
            if (property.Name != MetadataKey)
                entries.Add(ReadEntry(property.Name, property.Value, path));
        }
        return entries;
    }

    private static Entry ReadEntry(string name, JsonElement value, string path)
    {
        if (value.ValueKind != JsonValueKind.Object)
            throw Malformed(path, $"'{name}' is a JSON {value.ValueKind}, expected an object");
        var typeName = value.TryGetProperty("dtype", out var dtype) && dtype.ValueKind == JsonValueKind.String
            ? dtype.GetString()
            : throw Malformed(path, $"'{name}' has no dtype");
        var kind = Array.Find(Types, one => one.Name == typeName);
        if (kind.Name is null)
            throw Malformed(
                path,
                $"'{name}' has dtype {typeName}, expected one of {string.Join(", ", Types.Select(one => one.Name))}");
        var shape = Numbers(name, value, "shape", path);
        var offsets = Numbers(name, value, "data_offsets", path);
        if (offsets.Length != 2 || offsets[0] > offsets[1])
            throw Malformed(
                path, $"'{name}' has data_offsets [{string.Join(", ", offsets)}], expected a begin and an end");
        long size = kind.Bytes;
        try
        {
            foreach (var dimension in shape)
                size = checked(size * dimension);
        }
        catch (OverflowException)
        {
            throw Malformed(path, $"'{name}' has shape [{string.Join(", ", shape)}], which no memory holds");
        }
        if (offsets[1] - offsets[0] != size)
            throw Malformed(
                path,
                $"'{name}' has {offsets[1] - offsets[0]} bytes, "
                    + $"expected {size} for {typeName} [{string.Join(", ", shape)}]");
        return new Entry(name, kind.Type, shape, offsets[0], offsets[1]);
    }

    private static long[] Numbers(string name, JsonElement value, string key, string path)
    {
        if (!value.TryGetProperty(key, out var list) || list.ValueKind != JsonValueKind.Array)
            throw Malformed(path, $"'{name}' has no list '{key}'");
        var numbers = new List<long>();
        foreach (var item in list.EnumerateArray())
            numbers.Add(
                item.ValueKind == JsonValueKind.Number && item.TryGetInt64(out var number) && number >= 0
                    ? number
                    : throw Malformed(
                        path, $"'{name}' has {item.GetRawText()} in '{key}', expected a whole number from 0 on"));
        return [.. numbers];
    }

    /// <summary>The tensors must fill the data exactly: no hole, no overlap, nothing behind them.</summary>
    private static void CheckLayout(List<Entry> entries, long dataBytes, string path)
    {
        long reached = 0;
        foreach (var entry in entries.OrderBy(one => one.Begin).ThenBy(one => one.End))
        {
            if (entry.Begin != reached)
                throw Malformed(
                    path,
                    $"'{entry.Name}' begins at byte {entry.Begin} of the data, expected {reached}: "
                        + (entry.Begin < reached ? "it overlaps another tensor" : "there is a hole before it"));
            reached = entry.End;
        }
        if (reached != dataBytes)
            throw Malformed(path, $"the data has {dataBytes} bytes, expected {reached}; is the file truncated?");
    }

    private static InvalidDataException Malformed(string path, string problem) => new($"{path}: {problem}");
}
