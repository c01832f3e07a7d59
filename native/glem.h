// The C face of libtorch that Glem.Torch calls. Every symbol starts with glem_, every value is blittable, and no
// exception crosses it: a function that can fail answers a negative number (or null) and keeps the message for
// glem_last_error.
#pragma once

#include <ATen/ATen.h>
#include <cstdint>
#include <exception>
#include <string>

#define GLEM_EXPORT extern "C" __attribute__((visibility("default")))

/// A tensor handle is the TensorImpl itself with one reference owned by the holder; null is the undefined tensor.
using TensorHandle = c10::TensorImpl *;

namespace glem
{
/// A second owner of the same tensor: the operator may outlive a concurrent release of the caller's handle.
inline at::Tensor borrow(TensorHandle handle)
{
    if (handle == nullptr)
        return at::Tensor();
    return at::Tensor(c10::intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>::reclaim_copy(handle));
}

/// Gives the reference away, to be returned with glem_tensor_free.
inline TensorHandle hand_over(at::Tensor tensor)
{
    return tensor.defined() ? tensor.unsafeReleaseTensorImpl() : nullptr;
}

/// Keeps the message of the exception that is being handled, without libtorch's C++ stack.
void remember_error() noexcept;

/// Runs a body that answers a value; on an exception keeps its message and answers `failed`.
template <class Result, class Body> Result guarded(Result failed, Body body) noexcept
{
    try
    {
        return body();
    }
    catch (...)
    {
        remember_error();
        return failed;
    }
}

/// As above for a body without an answer: 0 is fine, -1 is not.
template <class Body> int32_t guarded(Body body) noexcept
{
    return guarded<int32_t>(-1, [&] {
        body();
        return 0;
    });
}
} // namespace glem
