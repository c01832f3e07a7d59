// dropout_add_layer_norm(x, bias?, residual, weight, ln_bias, p, seed, eps) = layer_norm(residual + dropout(x + bias)).
//   x, residual : [..., d], one dtype   bias, weight, ln_bias : [d], float32   result : as x
#include "operators.h"

namespace glem {

struct DropoutAddLayerNorm : torch::autograd::Function<DropoutAddLayerNorm> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x_, const optional<Tensor>& bias_, const Tensor& residual_,
                        const Tensor& weight_, const Tensor& ln_bias_, double p, int64_t seed, double eps) {
    Tensor x = x_.contiguous(), residual = residual_.contiguous(), bias = contiguous(bias_);
    Tensor weight = weight_.contiguous(), ln_bias = ln_bias_.contiguous(), y = at::empty_like(x);
    const int64_t d = x.size(-1), rows = x.numel() / d;
    Tensor mean = at::empty({rows}, weight.options()), rstd = at::empty({rows}, weight.options());
    Dropout drop = make_dropout(p, seed);
    by_dtype(x, [&](auto t) {
      using T = decltype(t);
      for_each_block(rows, block_rows, [&](int64_t, int64_t first, int64_t n) {
        std::vector<float> scratch(2 * d + 64);
        loops<T>().dropout_add_layer_norm(ptr<T>(x) + first * d, ptr<float>(bias), ptr<T>(residual) + first * d,
                                          ptr<float>(weight), ptr<float>(ln_bias), ptr<T>(y) + first * d,
                                          ptr<float>(mean) + first, ptr<float>(rstd) + first, first * d, n, d,
                                          (float)eps, drop, scratch.data());
      });
    });
    ctx->save_for_backward({x, bias, residual, weight, mean, rstd});
    ctx->saved_data["p"] = p;
    ctx->saved_data["seed"] = seed;
    return y;
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    auto saved = ctx->get_saved_variables();
    Tensor x = saved[0], bias = saved[1], residual = saved[2], weight = saved[3], mean = saved[4], rstd = saved[5];
    Tensor dy = grads[0].contiguous(), dx = at::empty_like(x), dresidual = at::empty_like(x);
    const int64_t d = x.size(-1), rows = x.numel() / d;
    Dropout drop = make_dropout(ctx->saved_data["p"].toDouble(), ctx->saved_data["seed"].toInt());
    Tensor partial = at::zeros({blocks(rows), 3, d}, weight.options());
    by_dtype(x, [&](auto t) {
      using T = decltype(t);
      for_each_block(rows, block_rows, [&](int64_t block, int64_t first, int64_t n) {
        std::vector<float> scratch(3 * d + 64);
        float* sums = ptr<float>(partial) + block * 3 * d;
        loops<T>().dropout_add_layer_norm_backward(
            ptr<T>(x) + first * d, ptr<float>(bias), ptr<T>(residual) + first * d, ptr<float>(weight),
            ptr<float>(mean) + first, ptr<float>(rstd) + first, ptr<T>(dy) + first * d, ptr<T>(dx) + first * d,
            ptr<T>(dresidual) + first * d, sums, sums + d, bias.defined() ? sums + 2 * d : nullptr, first * d, n, d,
            drop, scratch.data());
      });
    });
    Tensor sums = partial.sum(0);
    return {dx,       bias.defined() ? sums[2] : Tensor(), dresidual, sums[0], sums[1], Tensor(),
            Tensor(), Tensor()};
  }
};

static Tensor dropout_add_layer_norm(const Tensor& x, const optional<Tensor>& bias, const Tensor& residual,
                                     const Tensor& weight, const Tensor& ln_bias, double p, int64_t seed, double eps) {
  const int64_t d = x.size(-1);
  TORCH_CHECK(x.sizes() == residual.sizes() && x.scalar_type() == residual.scalar_type(),
              "dropout_add_layer_norm: residual must be as x, ", x.scalar_type(), " ", x.sizes(), ", got ",
              residual.scalar_type(), " ", residual.sizes());
  for (const Tensor& v : {weight, ln_bias, bias.value_or(weight)})
    TORCH_CHECK(v.dim() == 1 && v.size(0) == d, "dropout_add_layer_norm: weight and biases must be [", d, "], got ",
                v.sizes());
  if (has_loops(x) && x.numel() > 0) {
    for (const Tensor& v : {weight, ln_bias, bias.value_or(weight)})
      TORCH_CHECK(v.scalar_type() == at::kFloat, "dropout_add_layer_norm: weight and biases must be float32, got ",
                  v.scalar_type());
    return DropoutAddLayerNorm::apply(x, bias, residual, weight, ln_bias, p, seed, eps);
  }
  Tensor z = bias.has_value() ? x.to(weight.scalar_type()) + *bias : x.to(weight.scalar_type());
  if (p > 0) z = z * keep_scales_like(z, p, seed).to(z.scalar_type());
  return at::layer_norm(residual.to(weight.scalar_type()) + z, {d}, weight, ln_bias, eps).to(x.scalar_type());
}

TORCH_LIBRARY_FRAGMENT(glem, m) {
  m.def(
      "dropout_add_layer_norm(Tensor x, Tensor? bias, Tensor residual, Tensor weight, Tensor ln_bias, float p, "
      "int seed, float eps) -> Tensor",
      &dropout_add_layer_norm);
}

}  // namespace glem
