using System.Collections;

namespace TorchSharp.Utils;

/// <summary>
/// The elements of a CPU tensor, read and written in place, in row-major order of its shape whatever its strides are.
/// It ends with its tensor: afterwards every access is refused.
/// </summary>
public sealed unsafe class TensorAccessor<T> : IDisposable, IEnumerable<T>
    where T : unmanaged
{
    private readonly torch.Tensor tensor;
    private readonly T* elements;
    private readonly long[] shape;
    private readonly long[] strides;
    private readonly bool contiguous;
    private readonly bool ownsTensor;

    /// <param name="tensor">On the CPU, of elements of this type.</param>
    /// <param name="ownsTensor">The tensor is a copy that was made for this accessor alone.</param>
    internal TensorAccessor(torch.Tensor tensor, bool ownsTensor = false)
    {
        this.tensor = tensor;
        this.ownsTensor = ownsTensor;
        shape = tensor.shape;
        strides = tensor.stride();
        contiguous = tensor.is_contiguous();
        Count = tensor.numel();
        elements = (T*)tensor.DataPointer();
        GC.KeepAlive(tensor);
    }

    public long Count { get; }

    public bool IsReadOnly => false;

    /// <summary>The element at a full index, or at a row-major position where one number is given.</summary>
    /// <exception cref="IndexOutOfRangeException">Outside the tensor.</exception>
    public T this[params long[] indices]
    {
        get
        {
            var value = elements[Offset(indices)];
            GC.KeepAlive(tensor);
            return value;
        }
        set
        {
            elements[Offset(indices)] = value;
            GC.KeepAlive(tensor);
        }
    }

    public T[] ToArray()
    {
        var array = new T[Count];
        CopyTo(array.AsSpan());
        return array;
    }

    public void CopyTo(T[] array, int arrayIndex = 0, long tensorIndex = 0) =>
        CopyTo(array.AsSpan(), arrayIndex, tensorIndex);

    /// <summary>Copies elements from a row-major position on, as many as both sides have.</summary>
    public void CopyTo(Span<T> array, int arrayIndex = 0, long tensorIndex = 0)
    {
        RequireTensor();
        ArgumentOutOfRangeException.ThrowIfNegative(tensorIndex);
        var target = array[arrayIndex..];
        var length = (int)Math.Min(target.Length, Math.Max(0, Count - tensorIndex));
        if (contiguous)
            new ReadOnlySpan<T>(elements + tensorIndex, length).CopyTo(target);
        else
            for (var i = 0; i < length; i++)
                target[i] = elements[Strided(tensorIndex + i)];
        GC.KeepAlive(tensor);
    }

    public void CopyFrom(T[] array, int arrayIndex = 0, long tensorIndex = 0) =>
        CopyFrom((ReadOnlySpan<T>)array, arrayIndex, tensorIndex);

    /// <summary>Overwrites elements from a row-major position on, as many as both sides have.</summary>
    public void CopyFrom(ReadOnlySpan<T> array, int arrayIndex = 0, long tensorIndex = 0)
    {
        RequireTensor();
        ArgumentOutOfRangeException.ThrowIfNegative(tensorIndex);
        var source = array[arrayIndex..];
        var length = (int)Math.Min(source.Length, Math.Max(0, Count - tensorIndex));
        if (contiguous)
            source[..length].CopyTo(new Span<T>(elements + tensorIndex, length));
        else
            for (var i = 0; i < length; i++)
                elements[Strided(tensorIndex + i)] = source[i];
        GC.KeepAlive(tensor);
    }

    public IEnumerator<T> GetEnumerator()
    {
        for (long i = 0; i < Count; i++)
            yield return this[i];
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public void Dispose()
    {
        if (ownsTensor)
            tensor.Dispose();
    }

    private void RequireTensor() => ObjectDisposedException.ThrowIf(tensor.IsInvalid, tensor);

    private long Offset(long[] indices)
    {
        RequireTensor();
        if (indices.Length == 1)
        {
            var position = indices[0];
            if (position < 0 || position >= Count)
                throw new IndexOutOfRangeException($"Position {position} of {Count} elements.");
            return contiguous ? position : Strided(position);
        }
        if (indices.Length != shape.Length)
            throw new IndexOutOfRangeException(
                $"{indices.Length} indices into a tensor with {shape.Length} dimensions.");
        long offset = 0;
        for (var d = 0; d < indices.Length; d++)
        {
            if (indices[d] < 0 || indices[d] >= shape[d])
                throw new IndexOutOfRangeException(
                    $"Index {indices[d]} into dimension {d}, which has {shape[d]} entries.");
            offset += indices[d] * strides[d];
        }
        return offset;
    }

    private long Strided(long position)
    {
        long offset = 0;
        for (var d = shape.Length - 1; d >= 0; d--)
        {
            offset += position % shape[d] * strides[d];
            position /= shape[d];
        }
        return offset;
    }
}
