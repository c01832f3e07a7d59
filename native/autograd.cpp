// Reverse-mode differentiation: leaves, gradients, the tape's switches.
#include "glem.h"

#include <c10/core/GradMode.h>
#include <c10/core/InferenceMode.h>
#include <torch/csrc/autograd/autograd.h>
#include <vector>

namespace
{
std::vector<at::Tensor> borrow_all(const TensorHandle *tensors, int32_t count)
{
    std::vector<at::Tensor> all;
    all.reserve(count);
    for (int32_t i = 0; i < count; ++i)
        all.push_back(glem::borrow(tensors[i]));
    return all;
}
} // namespace

GLEM_EXPORT int32_t glem_requires_grad(TensorHandle tensor)
{
    return glem::guarded<int32_t>(-1, [&] { return static_cast<int32_t>(tensor->requires_grad()); });
}

GLEM_EXPORT int32_t glem_set_requires_grad(TensorHandle tensor, int32_t value)
{
    return glem::guarded([&] { glem::borrow(tensor).set_requires_grad(value != 0); });
}

GLEM_EXPORT int32_t glem_is_leaf(TensorHandle tensor)
{
    return glem::guarded<int32_t>(-1, [&] { return static_cast<int32_t>(glem::borrow(tensor).is_leaf()); });
}

GLEM_EXPORT int32_t glem_retain_grad(TensorHandle tensor)
{
    return glem::guarded([&] { glem::borrow(tensor).retain_grad(); });
}

/// The accumulated gradient, null where there is none.
GLEM_EXPORT int32_t glem_grad(TensorHandle tensor, TensorHandle *grad)
{
    return glem::guarded([&] { *grad = glem::hand_over(glem::borrow(tensor).grad()); });
}

GLEM_EXPORT int32_t glem_set_grad(TensorHandle tensor, TensorHandle grad)
{
    return glem::guarded([&] { glem::borrow(tensor).mutable_grad() = glem::borrow(grad); });
}

GLEM_EXPORT int32_t glem_backward(const TensorHandle *outputs, int32_t count, const TensorHandle *grad_outputs,
                                  int32_t grad_count, int32_t retain_graph, int32_t create_graph,
                                  const TensorHandle *inputs, int32_t input_count)
{
    return glem::guarded([&] {
        torch::autograd::backward(borrow_all(outputs, count), borrow_all(grad_outputs, grad_count), retain_graph != 0,
                                  create_graph != 0, borrow_all(inputs, input_count));
    });
}

/// Gradients of the outputs with respect to `inputs`, written to `grads` [input_count]; null where unused.
GLEM_EXPORT int32_t glem_autograd_grad(const TensorHandle *outputs, int32_t count, const TensorHandle *inputs,
                                       int32_t input_count, const TensorHandle *grad_outputs, int32_t grad_count,
                                       int32_t retain_graph, int32_t create_graph, int32_t allow_unused,
                                       TensorHandle *grads)
{
    return glem::guarded([&] {
        auto found = torch::autograd::grad(borrow_all(outputs, count), borrow_all(inputs, input_count),
                                           borrow_all(grad_outputs, grad_count), retain_graph != 0, create_graph != 0,
                                           allow_unused != 0);
        for (int32_t i = 0; i < input_count; ++i)
            grads[i] = glem::hand_over(found[i]);
    });
}

GLEM_EXPORT int32_t glem_grad_mode()
{
    return c10::GradMode::is_enabled();
}

GLEM_EXPORT void glem_set_grad_mode(int32_t enabled)
{
    c10::GradMode::set_enabled(enabled != 0);
}

GLEM_EXPORT int32_t glem_inference_mode()
{
    return c10::InferenceMode::is_enabled();
}

/// The guard restores what was there before it; it must be left on the thread that entered it.
GLEM_EXPORT c10::InferenceMode *glem_inference_mode_enter(int32_t enabled)
{
    return glem::guarded<c10::InferenceMode *>(nullptr, [&] { return new c10::InferenceMode(enabled != 0); });
}

GLEM_EXPORT void glem_inference_mode_leave(c10::InferenceMode *guard)
{
    delete guard;
}
