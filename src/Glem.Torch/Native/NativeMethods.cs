using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

[assembly: DisableRuntimeMarshalling]

namespace Glem.Torch.Native;

/// <summary>One argument or result of an operator call, as native/dispatch.cpp lays it out.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NativeValue
{
    internal long Bits;
    internal int Kind;
    internal int Count;
}

/// <summary>
/// The exports of libglem_native. A negative or null answer means that glem_last_error has a message. Those marked
/// SuppressGCTransition only read fields, in far less than a microsecond, and can neither block nor throw.
/// </summary>
internal static unsafe partial class NativeMethods
{
    internal const string Library = "glem_native";

    [LibraryImport(Library)] internal static partial byte* glem_last_error();
    [LibraryImport(Library)] internal static partial nint glem_op_find(byte* name, byte* overload);
    [LibraryImport(Library)]
    internal static partial int glem_op_call(
        nint op, NativeValue* arguments, int count, NativeValue* results, int capacity);
    [LibraryImport(Library)] internal static partial void glem_free(void* memory);

    [LibraryImport(Library)] internal static partial void glem_tensor_free(nint tensor);
    [LibraryImport(Library), SuppressGCTransition] internal static partial nint glem_tensor_alias(nint tensor);
    [LibraryImport(Library), SuppressGCTransition] internal static partial long glem_tensor_numel(nint tensor);
    [LibraryImport(Library), SuppressGCTransition] internal static partial long glem_tensor_dim(nint tensor);
    [LibraryImport(Library), SuppressGCTransition] internal static partial int glem_tensor_dtype(nint tensor);
    [LibraryImport(Library), SuppressGCTransition] internal static partial long glem_tensor_itemsize(nint tensor);
    [LibraryImport(Library), SuppressGCTransition] internal static partial int glem_tensor_device_type(nint tensor);
    [LibraryImport(Library), SuppressGCTransition] internal static partial int glem_tensor_device_index(nint tensor);
    [LibraryImport(Library)] internal static partial int glem_tensor_is_contiguous(nint tensor);
    [LibraryImport(Library), SuppressGCTransition] internal static partial int glem_tensor_is_sparse(nint tensor);
    [LibraryImport(Library)] internal static partial int glem_tensor_sizes(nint tensor, long* sizes);
    [LibraryImport(Library)] internal static partial int glem_tensor_strides(nint tensor, long* strides);
    [LibraryImport(Library)] internal static partial long glem_tensor_storage_offset(nint tensor);
    [LibraryImport(Library)] internal static partial int glem_tensor_data(nint tensor, void** data);

    [LibraryImport(Library)] internal static partial int glem_requires_grad(nint tensor);
    [LibraryImport(Library)] internal static partial int glem_set_requires_grad(nint tensor, int value);
    [LibraryImport(Library)] internal static partial int glem_is_leaf(nint tensor);
    [LibraryImport(Library)] internal static partial int glem_retain_grad(nint tensor);
    [LibraryImport(Library)] internal static partial int glem_grad(nint tensor, nint* grad);
    [LibraryImport(Library)] internal static partial int glem_set_grad(nint tensor, nint grad);
    [LibraryImport(Library)]
    internal static partial int glem_backward(
        nint* outputs, int count, nint* gradOutputs, int gradCount, int retainGraph, int createGraph, nint* inputs,
        int inputCount);
    [LibraryImport(Library)]
    internal static partial int glem_autograd_grad(
        nint* outputs, int count, nint* inputs, int inputCount, nint* gradOutputs, int gradCount, int retainGraph,
        int createGraph, int allowUnused, nint* grads);
    [LibraryImport(Library)]
    internal static partial int glem_record_function(
        nint output, nint* inputs, int count, delegate* unmanaged<nint, nint, nint*, int, nint> backward,
        delegate* unmanaged<nint, void> release, nint state);
    [LibraryImport(Library), SuppressGCTransition] internal static partial int glem_grad_mode();
    [LibraryImport(Library), SuppressGCTransition] internal static partial void glem_set_grad_mode(int enabled);
    [LibraryImport(Library), SuppressGCTransition] internal static partial int glem_inference_mode();
    [LibraryImport(Library)] internal static partial nint glem_inference_mode_enter(int enabled);
    [LibraryImport(Library)] internal static partial void glem_inference_mode_leave(nint guard);

    [LibraryImport(Library)] internal static partial nint glem_generator_default(int deviceType, int deviceIndex);
    [LibraryImport(Library)]
    internal static partial nint glem_generator_new(ulong seed, int deviceType, int deviceIndex);
    [LibraryImport(Library)] internal static partial void glem_generator_free(nint generator);
    [LibraryImport(Library)] internal static partial int glem_generator_manual_seed(nint generator, ulong seed);
    [LibraryImport(Library)] internal static partial int glem_generator_seed(nint generator, ulong* seed);
    [LibraryImport(Library)] internal static partial int glem_generator_initial_seed(nint generator, ulong* seed);
    [LibraryImport(Library)] internal static partial nint glem_generator_get_state(nint generator);
    [LibraryImport(Library)] internal static partial int glem_generator_set_state(nint generator, nint state);
    [LibraryImport(Library)] internal static partial int glem_manual_seed(ulong seed);

    [LibraryImport(Library)] internal static partial void glem_keep_freed_memory(int keep);
    [LibraryImport(Library)] internal static partial nint glem_memory_watch();
    [LibraryImport(Library)] internal static partial long glem_memory_unwatch(nint watching);

    [LibraryImport(Library)] internal static partial int glem_abi();
    [LibraryImport(Library)] internal static partial byte* glem_torch_version();
    [LibraryImport(Library)] internal static partial byte* glem_torch_path();
    [LibraryImport(Library)] internal static partial byte* glem_torch_config();
    [LibraryImport(Library)] internal static partial byte* glem_openblas_corename();
    [LibraryImport(Library)] internal static partial byte* glem_blas_path();
    [LibraryImport(Library)] internal static partial int glem_get_num_threads();
    [LibraryImport(Library)] internal static partial int glem_set_num_threads(int count);
    [LibraryImport(Library)] internal static partial int glem_get_num_interop_threads();
    [LibraryImport(Library)] internal static partial int glem_set_num_interop_threads(int count);
    [LibraryImport(Library)] internal static partial int glem_cuda_device_count();
    [LibraryImport(Library)] internal static partial int glem_cuda_synchronize(int index);
}
