using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;
using TorchSharp;

namespace Glem.Torch.Extensions;

/// <summary>
/// Named tensors in a file that Python opens too: 8 bytes of header length (little-endian), a JSON header that names
/// each tensor's type, shape and place, then the elements. Nothing in such a file is ever executed.
/// https://huggingface.co/docs/safetensors
/// </summary>
public static class Safetensors
{
    private const int LengthBytes = 8;
    private const long MaxHeaderBytes = 100_000_000;
    private const long MaxSpanBytes = 1 << 30;
    private const string MetadataKey = "__metadata__";

    private static readonly (string Name, torch.ScalarType Type, int Bytes)[] Types =
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

    private sealed record Entry(string Name, torch.ScalarType Type, long[] Shape, long Begin, long End);

    /// <summary>
    /// Writes the tensors, the largest elements first and then by name, as the reference library does. The file appears
    /// whole or not at all: it is written beside, flushed to the disk and renamed.
    /// </summary>
    /// <exception cref="ArgumentException">A tensor's type has no name in the format.</exception>
    public static void Save(
        string path,
        IReadOnlyDictionary<string, torch.Tensor> tensors,
        IDictionary<string, string>? metadata = null
    )
    {
        var ordered = tensors
            .Select(pair => (pair.Key, pair.Value, Kind: KindOf(pair.Key, pair.Value.dtype)))
            .OrderByDescending(one => one.Kind.Bytes)
            .ThenBy(one => one.Key, StringComparer.Ordinal)
            .ToArray();
        var partial = path + ".partial";
        try
        {
            using (var file = new FileStream(partial, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 20))
            {
                file.Write(Header(ordered, metadata));
                foreach (var (_, tensor, _) in ordered)
                    Write(file, tensor);
                file.Flush(flushToDisk: true);
            }
            File.Move(partial, path, overwrite: true);
        }
        finally
        {
            File.Delete(partial);
        }
    }

    /// <summary>
    /// Reads every tensor, in the order of the header; on the CPU, owned by the caller or the open dispose scope. The
    /// header is checked before anything is allocated.
    /// </summary>
    /// <exception cref="InvalidDataException">
    /// Not such a file: names the file, the key, what was found and expected.
    /// </exception>
    /// <exception cref="IOException">The file is absent or cannot be read.</exception>
    public static OrderedDictionary<string, torch.Tensor> Load(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 20);
        var (entries, dataStart) = ReadHeader(file, path);
        var tensors = new OrderedDictionary<string, torch.Tensor>(entries.Count);
        try
        {
            foreach (var entry in entries)
            {
                var tensor = torch.empty(entry.Shape, entry.Type);
                tensors.Add(entry.Name, tensor);
                file.Position = dataStart + entry.Begin;
                foreach (var part in Parts(tensor))
                    file.ReadExactly(part.bytes);
            }
        }
        catch
        {
            foreach (var tensor in tensors.Values)
                tensor.Dispose();
            throw;
        }
        return tensors;
    }

    private static (string Name, torch.ScalarType Type, int Bytes) KindOf(string name, torch.ScalarType type)
    {
        foreach (var kind in Types)
            if (kind.Type == type)
                return kind;
        throw new ArgumentException($"'{name}' has elements of type {type}, which safetensors has no name for.");
    }

    private static byte[] Header(
        (string Key, torch.Tensor Value, (string Name, torch.ScalarType Type, int Bytes) Kind)[] tensors,
        IDictionary<string, string>? metadata
    )
    {
        using var buffer = new MemoryStream();
        buffer.Write(new byte[LengthBytes]);
        // The reference library escapes only what JSON requires.
        var options = new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        using (var json = new Utf8JsonWriter(buffer, options))
        {
            json.WriteStartObject();
            if (metadata is { Count: > 0 })
            {
                json.WriteStartObject(MetadataKey);
                foreach (var (key, value) in metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal))
                    json.WriteString(key, value);
                json.WriteEndObject();
            }
            long offset = 0;
            foreach (var (name, tensor, kind) in tensors)
            {
                json.WriteStartObject(name);
                json.WriteString("dtype", kind.Name);
                json.WriteStartArray("shape");
                foreach (var length in tensor.shape)
                    json.WriteNumberValue(length);
                json.WriteEndArray();
                json.WriteStartArray("data_offsets");
                json.WriteNumberValue(offset);
                json.WriteNumberValue(offset += tensor.numel() * kind.Bytes);
                json.WriteEndArray();
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        while (buffer.Length % LengthBytes != 0)
            buffer.WriteByte((byte)' ');
        var header = buffer.ToArray();
        BinaryPrimitives.WriteInt64LittleEndian(header, header.Length - LengthBytes);
        return header;
    }

    private static void Write(Stream file, torch.Tensor tensor)
    {
        using var scope = torch.NewDisposeScope();
        foreach (var part in Parts(tensor.detach().cpu().contiguous()))
            file.Write(part.bytes);
    }

    /// <summary>A contiguous tensor as runs of elements, each short enough for a span.</summary>
    private static IEnumerable<torch.Tensor> Parts(torch.Tensor tensor)
    {
        using var flat = tensor.view(-1);
        var most = MaxSpanBytes / tensor.ElementSize;
        for (long start = 0; start < flat.numel(); start += most)
        {
            using var part = flat.narrow(0, start, Math.Min(most, flat.numel() - start));
            yield return part;
        }
    }

    private static (IReadOnlyList<Entry> Entries, long DataStart) ReadHeader(FileStream file, string path)
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
