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
    private const int LengthBytes = SafetensorsHeader.LengthBytes;
    private const long MaxSpanBytes = 1 << 30;

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
        var (entries, dataStart) = SafetensorsHeader.Read(file, path);
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
        foreach (var kind in SafetensorsHeader.Types)
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
                json.WriteStartObject(SafetensorsHeader.MetadataKey);
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
}
