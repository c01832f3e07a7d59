// edge_softmax(rowptr, score): the softmax over each row's entries, head by head. A score of -infinity leaves its edge
// out; a row without any other has weights of 0.   rowptr : [n + 1], int32   score, result : [e; heads], float32
#include "edge_rows.h"

namespace glem {

struct EdgeSoftmax : torch::autograd::Function<EdgeSoftmax> {
  static Tensor forward(AutogradContext* ctx, const Tensor& rowptr, const Tensor& score_) {
    Tensor score = score_.contiguous(), y = at::empty_like(score);
    for_row_tasks(ptr<int32_t>(rowptr), rowptr.size(0) - 1, [&](int64_t, int64_t first, int64_t last) {
      std::vector<float> scratch(score.size(1));
      edge_loops().softmax(ptr<int32_t>(rowptr), ptr<float>(score), ptr<float>(y), first, last, score.size(1),
                           scratch.data());
    });
    ctx->save_for_backward({rowptr, y});
    return y;
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    auto saved = ctx->get_saved_variables();
    Tensor rowptr = saved[0], y = saved[1], dy = grads[0].contiguous(), dx = at::empty_like(y);
    for_row_tasks(ptr<int32_t>(rowptr), rowptr.size(0) - 1, [&](int64_t, int64_t first, int64_t last) {
      std::vector<float> scratch(y.size(1));
      edge_loops().softmax_backward(ptr<int32_t>(rowptr), ptr<float>(y), ptr<float>(dy), ptr<float>(dx), first, last,
                                    y.size(1), scratch.data());
    });
    return {Tensor(), dx};
  }
};

static Tensor edge_softmax(const Tensor& rowptr, const Tensor& score) {
  check_rows("edge_softmax", rowptr);
  check_matrix("edge_softmax", "score", score, score.size(0), -1);
  return EdgeSoftmax::apply(rowptr.contiguous(), score);
}

TORCH_LIBRARY_FRAGMENT(glem, m) { m.def("edge_softmax(Tensor rowptr, Tensor score) -> Tensor", &edge_softmax); }

}  // namespace glem
