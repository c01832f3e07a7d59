// Steps of the tape that the caller differentiates: what a caller computed without a record becomes a function of its
// inputs, whose backward calls the caller. A backward may run the forward again, so that nothing of it is kept.
#include "glem.h"

#include <cstdlib>
#include <stdexcept>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>
#include <torch/csrc/autograd/variable.h>
#include <vector>

namespace
{
/// Gradients of `count` inputs, handed over (null for none), from that of the output, which is borrowed. Answers null, or
/// what went wrong, in UTF-8, to be freed.
using Backward = char *(*)(void *state, TensorHandle grad, TensorHandle *grads, int32_t count);
/// The end of a state; called once.
using Release = void (*)(void *state);

struct CallersNode : torch::autograd::Node
{
    Backward backward;
    Release release;
    void *state;
    int32_t count;

    CallersNode(Backward backward, Release release, void *state, int32_t count)
        : backward(backward), release(release), state(state), count(count)
    {
    }

    ~CallersNode() override { release_variables(); }

    void release_variables() override
    {
        if (state != nullptr)
            release(state);
        state = nullptr;
    }

    torch::autograd::variable_list apply(torch::autograd::variable_list &&grads) override
    {
        if (state == nullptr)
            throw std::runtime_error("this step of the tape was differentiated before, and its state is gone");
        if (!grads[0].defined())
            return torch::autograd::variable_list(count);
        std::vector<TensorHandle> found(count, nullptr);
        if (char *problem = backward(state, grads[0].unsafeGetTensorImpl(), found.data(), count))
        {
            std::string message = problem;
            free(problem);
            throw std::runtime_error(message);
        }
        torch::autograd::variable_list result;
        for (TensorHandle handle : found)
            result.push_back(handle == nullptr
                                 ? at::Tensor()
                                 : at::Tensor(c10::intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>::reclaim(handle)));
        return result;
    }
};
} // namespace

/// The output as a function of the inputs; it must be new, and recorded nowhere. The state is released when the tape goes,
/// or at once where no input needs a gradient. Answers -1 on failure, with the state released.
GLEM_EXPORT int32_t glem_record_function(TensorHandle output, const TensorHandle *inputs, int32_t count,
                                         Backward backward, Release release, void *state)
{
    return glem::guarded([&] {
        auto node = std::shared_ptr<CallersNode>(new CallersNode(backward, release, state, count),
                                                 torch::autograd::deleteNode);
        torch::autograd::variable_list all;
        for (int32_t i = 0; i < count; ++i)
            all.push_back(glem::borrow(inputs[i]));
        if (!torch::autograd::compute_requires_grad(all))
            return;
        node->set_next_edges(torch::autograd::collect_next_edges(all));
        at::Tensor result = glem::borrow(output);
        torch::autograd::set_history(result, node);
    });
}
