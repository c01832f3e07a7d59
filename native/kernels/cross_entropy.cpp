// cross_entropy(logits, bias, truth): the mean over k rows of -log softmax(logits + bias)[truth], in float32 whatever the
// logits' dtype: for vocabularies, whose [k; c] in float32 would be written and read many times over.
//   logits : [k; c]   bias : [c], float32   truth : [k], int64 in [0, c)   result : []
#include "operators.h"

namespace glem {

struct CrossEntropy : torch::autograd::Function<CrossEntropy> {
  static Tensor forward(AutogradContext* ctx, const Tensor& logits_, const Tensor& bias_, const Tensor& truth_) {
    Tensor logits = logits_.contiguous(), bias = bias_.contiguous(), truth = truth_.contiguous();
    const int64_t rows = logits.size(0), c = logits.size(1);
    Tensor loss = at::empty({rows}, bias.options()), lse = at::empty({rows}, bias.options());
    by_dtype(logits, [&](auto t) {
      using T = decltype(t);
      for_each_block(rows, 32, [&](int64_t, int64_t first, int64_t n) {
        loops<T>().cross_entropy(ptr<T>(logits) + first * c, ptr<float>(bias), ptr<int64_t>(truth) + first,
                                 ptr<float>(loss) + first, ptr<float>(lse) + first, n, c);
      });
    });
    ctx->save_for_backward({logits, bias, truth, lse});
    return loss.mean();
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    auto saved = ctx->get_saved_variables();
    Tensor logits = saved[0], bias = saved[1], truth = saved[2], lse = saved[3], dlogits = at::empty_like(logits);
    const int64_t rows = logits.size(0), c = logits.size(1);
    const float scale = grads[0].item<float>() / (float)rows;
    Tensor partial = at::zeros({blocks(rows), c}, bias.options());
    by_dtype(logits, [&](auto t) {
      using T = decltype(t);
      for_each_block(rows, block_rows, [&](int64_t block, int64_t first, int64_t n) {
        loops<T>().cross_entropy_backward(ptr<T>(logits) + first * c, ptr<float>(bias), ptr<int64_t>(truth) + first,
                                          ptr<float>(lse) + first, ptr<T>(dlogits) + first * c,
                                          ptr<float>(partial) + block * c, n, c, scale);
      });
    });
    return {dlogits, partial.sum(0), Tensor()};
  }
};

static Tensor cross_entropy(const Tensor& logits, const Tensor& bias, const Tensor& truth) {
  TORCH_CHECK(logits.dim() == 2 && bias.dim() == 1 && bias.size(0) == logits.size(1) && truth.dim() == 1 &&
                  truth.size(0) == logits.size(0) && truth.scalar_type() == at::kLong && logits.numel() > 0,
              "cross_entropy: needs logits [k; c], bias [c] and truth [k], int64, none of them empty, got ",
              logits.sizes(), ", ", bias.sizes(), ", ", truth.sizes(), " ", truth.scalar_type());
  if (!has_loops(logits) || bias.scalar_type() != at::kFloat)
    return at::cross_entropy_loss(logits.to(bias.scalar_type()) + bias, truth);
  Tensor dense = truth.contiguous();
  for (int64_t r = 0; r < dense.numel(); r++) {
    const int64_t cls = ptr<int64_t>(dense)[r];
    TORCH_CHECK(cls >= 0 && cls < logits.size(1), "cross_entropy: truth[", r, "] is ", cls, " of ", logits.size(1),
                " classes");
  }
  return CrossEntropy::apply(logits, bias, dense);
}

TORCH_LIBRARY_FRAGMENT(glem, m) {
  m.def("cross_entropy(Tensor logits, Tensor bias, Tensor truth) -> Tensor", &cross_entropy);
}

}  // namespace glem
