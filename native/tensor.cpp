// A tensor's own facts and its memory. What can fail is guarded; the rest is short enough to be called without leaving
// the .NET thread's cooperative mode.
#include "glem.h"

GLEM_EXPORT void glem_tensor_free(TensorHandle tensor)
{
    if (tensor != nullptr)
        c10::raw::intrusive_ptr::decref(tensor);
}

/// A second handle to the very same tensor, gradient and history included.
GLEM_EXPORT TensorHandle glem_tensor_alias(TensorHandle tensor)
{
    return glem::hand_over(glem::borrow(tensor));
}

GLEM_EXPORT int64_t glem_tensor_numel(TensorHandle tensor)
{
    return tensor->numel();
}

GLEM_EXPORT int64_t glem_tensor_dim(TensorHandle tensor)
{
    return tensor->dim();
}

GLEM_EXPORT int32_t glem_tensor_dtype(TensorHandle tensor)
{
    return static_cast<int32_t>(c10::typeMetaToScalarType(tensor->dtype()));
}

GLEM_EXPORT int64_t glem_tensor_itemsize(TensorHandle tensor)
{
    return static_cast<int64_t>(tensor->dtype().itemsize());
}

GLEM_EXPORT int32_t glem_tensor_device_type(TensorHandle tensor)
{
    return static_cast<int32_t>(tensor->device().type());
}

GLEM_EXPORT int32_t glem_tensor_device_index(TensorHandle tensor)
{
    return static_cast<int32_t>(tensor->device().index());
}

GLEM_EXPORT int32_t glem_tensor_is_contiguous(TensorHandle tensor)
{
    return glem::guarded<int32_t>(-1, [&] { return static_cast<int32_t>(tensor->is_contiguous()); });
}

GLEM_EXPORT int32_t glem_tensor_is_sparse(TensorHandle tensor)
{
    return tensor->layout() != c10::kStrided;
}

GLEM_EXPORT int32_t glem_tensor_sizes(TensorHandle tensor, int64_t *sizes)
{
    return glem::guarded([&] {
        const auto from = tensor->sizes();
        std::copy(from.begin(), from.end(), sizes);
    });
}

GLEM_EXPORT int32_t glem_tensor_strides(TensorHandle tensor, int64_t *strides)
{
    return glem::guarded([&] {
        const auto from = tensor->strides();
        std::copy(from.begin(), from.end(), strides);
    });
}

GLEM_EXPORT int64_t glem_tensor_storage_offset(TensorHandle tensor)
{
    return glem::guarded<int64_t>(-1, [&] { return tensor->storage_offset(); });
}

/// The first element's address; null both on failure and for a tensor without elements (then with an empty message).
GLEM_EXPORT int32_t glem_tensor_data(TensorHandle tensor, void **data)
{
    return glem::guarded([&] { *data = glem::borrow(tensor).data_ptr(); });
}

/// Whether two handles are the same tensor is a comparison of handles; this tells whether they share their memory.
GLEM_EXPORT int32_t glem_tensor_shares_storage(TensorHandle left, TensorHandle right)
{
    return glem::guarded<int32_t>(
        -1, [&] { return static_cast<int32_t>(glem::borrow(left).is_alias_of(glem::borrow(right))); });
}
