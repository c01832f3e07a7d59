namespace TorchSharp;

// A number or an array where a tensor is expected. These conversions also take part in choosing overloads: with them
// the same calls compile, and the same are ambiguous, as on the official package.
public static partial class torch
{
    public partial class Tensor
    {
        public static implicit operator Tensor(byte value) => tensor(value);

        public static implicit operator Tensor(sbyte value) => tensor(value);

        public static implicit operator Tensor(short value) => tensor(value);

        public static implicit operator Tensor(int value) => tensor(value);

        public static implicit operator Tensor(long value) => tensor(value);

        public static implicit operator Tensor(float value) => tensor(value);

        public static implicit operator Tensor(double value) => tensor(value);

        public static implicit operator Tensor(bool value) => tensor(value);

        public static implicit operator Tensor(byte[] value) => tensor(value);

        public static implicit operator Tensor(sbyte[] value) => tensor(value);

        public static implicit operator Tensor(short[] value) => tensor(value);

        public static implicit operator Tensor(int[] value) => tensor(value);

        public static implicit operator Tensor(long[] value) => tensor(value);

        public static implicit operator Tensor(float[] value) => tensor(value);

        public static implicit operator Tensor(double[] value) => tensor(value);

        public static implicit operator Tensor(bool[] value) => tensor(value);

        /// <summary>
        /// Never called: with it C# prefers an overload over <see cref="Scalar"/> to one over tensors.
        /// </summary>
        public static implicit operator Tensor(Scalar scalar) => throw OnlyForOverloads();

        internal static InvalidOperationException OnlyForOverloads() =>
            new("A Scalar or a TensorIndex is no tensor: use torch.tensor.");
    }
}
