using Glem.Torch.Native;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        public long Dimensions => Kept(NativeMethods.glem_tensor_dim(Handle));

        public long dim() => Dimensions;

        public long ndim => Dimensions;

        public long NumberOfElements => Kept(NativeMethods.glem_tensor_numel(Handle));

        public long numel() => NumberOfElements;

        /// <summary>Bytes of one element.</summary>
        public long ElementSize => Kept(NativeMethods.glem_tensor_itemsize(Handle));

        public long element_size() => ElementSize;

        public ScalarType dtype => (ScalarType)Kept(NativeMethods.glem_tensor_dtype(Handle));

        public DeviceType device_type => (DeviceType)Kept(NativeMethods.glem_tensor_device_type(Handle));

        public int device_index => (int)Kept(NativeMethods.glem_tensor_device_index(Handle));

        public Device device => new(device_type, device_index);

        public bool is_cuda => device_type == DeviceType.CUDA;

        public bool is_meta => device_type == DeviceType.META;

        public bool is_cpu() => device_type == DeviceType.CPU;

        public bool is_sparse => Kept(NativeMethods.glem_tensor_is_sparse(Handle)) != 0;

        public bool is_integral() => torch.is_integral(dtype);

        public bool is_floating_point() => torch.is_floating_point(dtype);

        public bool is_contiguous() => Kept(NativeError.Check(NativeMethods.glem_tensor_is_contiguous(Handle))) != 0;

        public unsafe long[] shape
        {
            get
            {
                var sizes = new long[Dimensions];
                fixed (long* first = sizes)
                    NativeError.Check(NativeMethods.glem_tensor_sizes(Handle, first));
                GC.KeepAlive(this);
                return sizes;
            }
        }

        public long[] size() => shape;

        /// <param name="dim">Counted from the end where negative.</param>
        /// <exception cref="IndexOutOfRangeException">There is no such dimension.</exception>
        public long size(int dim) => At(shape, dim);

        public unsafe long[] stride()
        {
            var strides = new long[Dimensions];
            fixed (long* first = strides)
                NativeError.Check(NativeMethods.glem_tensor_strides(Handle, first));
            GC.KeepAlive(this);
            return strides;
        }

        public long stride(int dim) => At(stride(), dim);

        public long storage_offset() => Kept(NativeMethods.glem_tensor_storage_offset(Handle));

        private static long At(long[] all, int dim) =>
            dim >= -all.Length && dim < all.Length
                ? all[dim < 0 ? dim + all.Length : dim]
                : throw new IndexOutOfRangeException($"Dimension {dim} of a tensor with {all.Length} dimensions.");

        /// <summary>Keeps this tensor alive until a value has been read from it.</summary>
        private long Kept(long value)
        {
            GC.KeepAlive(this);
            return value;
        }
    }
}
