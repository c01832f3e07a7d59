using System.IO.MemoryMappedFiles;
using TorchSharp;

namespace Glem.Torch.Extensions;

/// <summary>
/// A safetensors file open for reading: memory-mapped, so that a tensor costs nothing until it is read. The header is
/// checked against the file's length before anything is allocated.
/// </summary>
public sealed class SafetensorsFile : IDisposable
{
    private const int MaxSpanBytes = 1 << 30;

    private readonly string path;
    private readonly MemoryMappedFile map;
    private readonly MemoryMappedViewAccessor view;
    private readonly long dataStart;
    private readonly OrderedDictionary<string, SafetensorsHeader.Entry> entries = [];

    /// <summary>Opens the file.</summary>
    /// <exception cref="InvalidDataException">Not such a file: names the file, the key, what was found.</exception>
    /// <exception cref="IOException">The file is absent or cannot be read.</exception>
    public SafetensorsFile(string path)
    {
        this.path = path;
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read);
        (var found, dataStart) = SafetensorsHeader.Read(file, path);
        foreach (var entry in found)
            entries.Add(entry.Name, entry);
        map = MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, 0, MemoryMappedFileAccess.Read);
        view = map.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
    }

    /// <summary>The tensors' names, in the order of the header.</summary>
    public IReadOnlyList<string> Names => [.. entries.Keys];

    /// <summary>A tensor's lengths.</summary>
    /// <exception cref="KeyNotFoundException">No tensor has the name.</exception>
    public long[] Shape(string name) => entries[name].Shape;

    /// <summary>A tensor's element type.</summary>
    /// <exception cref="KeyNotFoundException">No tensor has the name.</exception>
    public torch.ScalarType Type(string name) => entries[name].Type;

    /// <summary>A tensor's elements, row-major, widened to float32.</summary>
    /// <exception cref="KeyNotFoundException">No tensor has the name.</exception>
    /// <exception cref="InvalidDataException">Its elements are no floats, or more than an array holds.</exception>
    public unsafe float[] ReadFloats(string name)
    {
        var entry = entries[name];
        var size = FloatElements.Size(entry.Type);
        if (size == 0)
            throw new InvalidDataException($"{path}: '{name}' has elements of type {entry.Type}, expected floats");
        var count = (entry.End - entry.Begin) / size;
        if (count > Array.MaxLength)
            throw new InvalidDataException($"{path}: '{name}' has {count} elements, expected at most {Array.MaxLength}");
        var values = new float[count];
        byte* start = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        try
        {
            var data = start + view.PointerOffset + dataStart + entry.Begin;
            var most = MaxSpanBytes / size;
            for (long i = 0; i < count; i += most)
            {
                var part = (int)Math.Min(most, count - i);
                var bytes = new ReadOnlySpan<byte>(data + i * size, part * size);
                FloatElements.Widen(bytes, entry.Type, values.AsSpan((int)i, part));
            }
        }
        finally
        {
            view.SafeMemoryMappedViewHandle.ReleasePointer();
        }
        return values;
    }

    /// <summary>Closes the file.</summary>
    public void Dispose()
    {
        view.Dispose();
        map.Dispose();
    }
}
