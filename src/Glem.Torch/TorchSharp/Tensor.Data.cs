using Glem.Torch.Native;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        /// <summary>
        /// The elements, without a copy where the tensor is on the CPU (bool, byte, sbyte, short, int, long, Half,
        /// BFloat16, float, double).
        /// </summary>
        /// <exception cref="ArgumentException">The elements have another type.</exception>
        public Utils.TensorAccessor<T> data<T>()
            where T : unmanaged
        {
            RequireElements<T>();
            return is_cpu()
                ? new Utils.TensorAccessor<T>(this)
                : new Utils.TensorAccessor<T>(cpu(), ownsTensor: true);
        }

        /// <summary>The value of a tensor with one element.</summary>
        /// <exception cref="ArgumentException">More or fewer elements, or of another type.</exception>
        public unsafe T item<T>()
            where T : unmanaged
        {
            if (NumberOfElements != 1)
                throw new ArgumentException("Number of elements in the tensor must be 1");
            RequireElements<T>();
            if (!is_cpu())
            {
                using var here = cpu();
                return here.item<T>();
            }
            var value = *(T*)DataPointer();
            GC.KeepAlive(this);
            return value;
        }

        /// <summary>The memory of a contiguous CPU tensor. Valid only while the tensor is.</summary>
        /// <exception cref="InvalidOperationException">Not on the CPU, not contiguous, or over 2 GiB.</exception>
        public unsafe Span<byte> bytes
        {
            get
            {
                var length = NumberOfElements * ElementSize;
                if (!is_cpu() || !is_contiguous() || length > int.MaxValue)
                    throw new InvalidOperationException(
                        "bytes needs a contiguous tensor on the CPU of at most 2 GiB: call cpu().contiguous() or copy "
                        + "in parts.");
                return new Span<byte>(DataPointer(), (int)length);
            }
            set
            {
                if (value.Length != NumberOfElements * ElementSize)
                    throw new ArgumentException(
                        $"{value.Length} bytes for a tensor of {NumberOfElements * ElementSize} bytes.", nameof(value));
                value.CopyTo(bytes);
            }
        }

        public Scalar ToScalar()
        {
            using var one = to_type(torch.is_floating_point(dtype) ? ScalarType.Float64 : ScalarType.Int64);
            return torch.is_floating_point(dtype) ? one.item<double>() : one.item<long>();
        }

        internal unsafe void* DataPointer()
        {
            void* data;
            NativeError.Check(NativeMethods.glem_tensor_data(Handle, &data));
            return data;
        }

        private void RequireElements<T>()
            where T : unmanaged
        {
            if (ToScalarType<T>() != dtype)
                throw new ArgumentException($"{typeof(T).Name} is not compatible with {dtype}");
        }
    }
}
