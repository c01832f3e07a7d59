namespace TorchSharp;

public static partial class torch
{
    /// <summary>
    /// One index of an indexer: a position, a slice, a new dimension, "all that is left", or a tensor.
    /// </summary>
    public struct TensorIndex
    {
        internal enum Kind
        {
            None,
            Single,
            Null,
            Ellipsis,
            Bool,
            Tensor,
            Slice,
        }

        internal Kind kind;
        internal long? First;
        internal long? Stop;
        internal long? Step;
        internal Tensor? Tensors;

        internal readonly bool ConsumesDimension => kind is Kind.Single or Kind.Slice or Kind.Tensor;

        public static TensorIndex Slice(long? start = null, long? stop = null, long? step = null) =>
            new() { kind = Kind.Slice, First = start, Stop = stop, Step = step };

        public static TensorIndex Slice((int? start, int? end) range) => Slice(range.start, range.end);

        public static TensorIndex Slice(Range range) => Slice(Position(range.Start), End(range.End));

        public static TensorIndex Bool(bool value) => new() { kind = Kind.Bool, First = value ? 1 : 0 };

        public static TensorIndex Single(long? index) => new() { kind = Kind.Single, First = index };

        public static TensorIndex Tensor(Tensor tensor) => new() { kind = Kind.Tensor, Tensors = tensor };

        /// <summary>All dimensions that the other indices leave.</summary>
        public static readonly TensorIndex Ellipsis = new() { kind = Kind.Ellipsis };

        /// <summary>A new dimension of size 1.</summary>
        public static readonly TensorIndex None = new() { kind = Kind.None };

        public static readonly TensorIndex Null = new() { kind = Kind.Null };

        /// <summary>The whole of a dimension.</summary>
        public static readonly TensorIndex Colon = Slice();

        public static implicit operator TensorIndex(long value) => Single(value);

        public static implicit operator TensorIndex((int? start, int? end) range) => Slice(range);

        public static implicit operator TensorIndex(Range range) => Slice(range);

        public static implicit operator TensorIndex(Index index) => Single(Position(index));

        /// <summary>
        /// Never called: with it C# prefers an indexer over <see cref="TensorIndex"/> to one over tensors.
        /// </summary>
        public static implicit operator Tensor(TensorIndex value) => throw torch.Tensor.OnlyForOverloads();

        private static long Position(Index index) => index.IsFromEnd ? -index.Value : index.Value;

        private static long? End(Index index) => index is { IsFromEnd: true, Value: 0 } ? null : Position(index);
    }
}
