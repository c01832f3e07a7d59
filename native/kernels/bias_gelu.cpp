// bias_gelu(x, bias): gelu(x + bias) with the error function. x : [..., d]   bias : [d], float32 or x's dtype.
#include "operators.h"

namespace glem {

struct BiasGelu : torch::autograd::Function<BiasGelu> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x_, const Tensor& bias_) {
    Tensor x = x_.contiguous(), bias = bias_.to(at::kFloat).contiguous(), y = at::empty_like(x);
    const int64_t d = x.size(-1), rows = x.numel() / d;
    by_dtype(x, [&](auto t) {
      using T = decltype(t);
      for_each_block(rows, block_rows, [&](int64_t, int64_t first, int64_t n) {
        loops<T>().bias_gelu(ptr<T>(x) + first * d, ptr<float>(bias), ptr<T>(y) + first * d, n, d);
      });
    });
    ctx->save_for_backward({x, bias});
    ctx->saved_data["dtype"] = (int64_t)bias_.scalar_type();
    return y;
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    auto saved = ctx->get_saved_variables();
    Tensor x = saved[0], bias = saved[1], dy = grads[0].contiguous(), dx = at::empty_like(x);
    const int64_t d = x.size(-1), rows = x.numel() / d;
    Tensor partial = at::zeros({blocks(rows), d}, bias.options());
    by_dtype(x, [&](auto t) {
      using T = decltype(t);
      for_each_block(rows, block_rows, [&](int64_t block, int64_t first, int64_t n) {
        loops<T>().bias_gelu_backward(ptr<T>(x) + first * d, ptr<float>(bias), ptr<T>(dy) + first * d,
                                      ptr<T>(dx) + first * d, ptr<float>(partial) + block * d, n, d);
      });
    });
    return {dx, partial.sum(0).to((at::ScalarType)ctx->saved_data["dtype"].toInt())};
  }
};

static Tensor bias_gelu(const Tensor& x, const Tensor& bias) {
  TORCH_CHECK(bias.dim() == 1 && x.dim() >= 1 && bias.size(0) == x.size(-1), "bias_gelu: bias must be [", x.size(-1),
              "], got ", bias.sizes());
  if (has_loops(x) && x.numel() > 0) return BiasGelu::apply(x, bias);
  return at::gelu(x + bias.to(x.scalar_type()));
}

TORCH_LIBRARY_FRAGMENT(glem, m) { m.def("bias_gelu(Tensor x, Tensor bias) -> Tensor", &bias_gelu); }

}  // namespace glem
