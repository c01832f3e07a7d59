// batch_norm_relu(x, weight, bias, running_mean?, running_var?, training, momentum, eps) = relu(batch_norm(x)). In training
// a large x alone is kept for the backward pass, which finds again where the ReLU let gradients through.
//   x : [n; d]   weight, bias, running_mean, running_var : [d]   result : as x
#include "operators.h"

namespace glem {

// Rows that one task sums.
constexpr int64_t norm_rows = 1 << 14;

// The sums over all rows of what loop(first row, rows, sums : [parts; d]) adds : [parts; d], double.
template <class F>
Tensor norm_sums(const Tensor& x, int64_t parts, F loop) {
  const int64_t n = x.size(0), d = x.size(1);
  Tensor partial = at::zeros({(n + norm_rows - 1) / norm_rows, parts, d}, x.options().dtype(at::kDouble));
  for_each_block(n, norm_rows, [&](int64_t block, int64_t first, int64_t rows) {
    loop(first, rows, ptr<double>(partial) + block * parts * d);
  });
  return partial.size(0) == 1 ? partial[0] : partial.sum(0);
}

struct BatchNormRelu : torch::autograd::Function<BatchNormRelu> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x_, const Tensor& weight_, const Tensor& bias_,
                        const optional<Tensor>& running_mean, const optional<Tensor>& running_var, double momentum,
                        double eps) {
    Tensor x = x_.contiguous(), weight = weight_.contiguous(), bias = bias_.contiguous(), y = at::empty_like(x);
    const int64_t n = x.size(0), d = x.size(1);
    const NormLoops& loops = norm_loops();
    Tensor mean = (norm_sums(x, 1, [&](int64_t first, int64_t rows, double* sums) {
                     loops.sums(ptr<float>(x) + first * d, sums, rows, d);
                   }) / n)[0].to(at::kFloat);
    Tensor squares = norm_sums(x, 1, [&](int64_t first, int64_t rows, double* sums) {
                       loops.squares(ptr<float>(x) + first * d, ptr<float>(mean), sums, rows, d);
                     })[0].to(at::kFloat);
    Tensor rstd = ((squares / n).to(at::kDouble) + eps).sqrt().reciprocal().to(at::kFloat);
    move(running_mean, mean, momentum);
    move(running_var, squares / (n - 1), momentum);
    Tensor terms = at::empty({2, d}, x.options());
    float *slope = ptr<float>(terms), *shift = slope + d;
    loops.terms(ptr<float>(mean), ptr<float>(rstd), ptr<float>(weight), ptr<float>(bias), slope, shift, d);
    for_each_block(n, block_rows, [&](int64_t, int64_t first, int64_t rows) {
      loops.forward(ptr<float>(x) + first * d, slope, shift, ptr<float>(y) + first * d, rows, d);
    });
    ctx->save_for_backward({x, weight, mean, rstd, terms});
    return y;
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    const auto saved = ctx->get_saved_variables();
    const Tensor &x = saved[0], &weight = saved[1], &mean = saved[2], &rstd = saved[3], &terms = saved[4];
    Tensor dy = grads[0].contiguous(), dx = at::empty_like(x);
    const int64_t n = x.size(0), d = x.size(1);
    const NormLoops& loops = norm_loops();
    const float *slope = ptr<float>(terms), *shift = slope + d;
    Tensor sums = norm_sums(x, 2, [&](int64_t first, int64_t rows, double* partial) {
      loops.gradient_sums(ptr<float>(x) + first * d, ptr<float>(dy) + first * d, ptr<float>(mean), slope, shift,
                          partial, partial + d, rows, d);
    });
    Tensor average = (sums[0] / n).to(at::kFloat), tilt = sums[1].to(at::kFloat) * rstd * rstd / n;
    for_each_block(n, block_rows, [&](int64_t, int64_t first, int64_t rows) {
      loops.backward(ptr<float>(x) + first * d, ptr<float>(dy) + first * d, ptr<float>(mean), slope, shift,
                     ptr<float>(weight), ptr<float>(rstd), ptr<float>(average), ptr<float>(tilt),
                     ptr<float>(dx) + first * d, rows, d);
    });
    const Tensor none;
    return {dx, (sums[1] * rstd).to(at::kFloat), sums[0].to(at::kFloat), none, none, none, none};
  }

 private:
  static void move(const optional<Tensor>& running, const Tensor& now, double momentum) {
    if (running.has_value() && running->defined())
      running->copy_(now.to(at::kDouble) * momentum + running->to(at::kDouble) * (1 - momentum));
  }
};

static Tensor batch_norm_relu(const Tensor& x, const Tensor& weight, const Tensor& bias,
                              const optional<Tensor>& running_mean, const optional<Tensor>& running_var, bool training,
                              double momentum, double eps) {
  TORCH_CHECK(x.dim() == 2, "batch_norm_relu: x must be [n; d], got ", x.sizes());
  for (const Tensor& v : {weight, bias, running_mean.value_or(weight), running_var.value_or(weight)})
    TORCH_CHECK(v.dim() == 1 && v.size(0) == x.size(1), "batch_norm_relu: weight, bias and running statistics must be [",
                x.size(1), "], got ", v.sizes());
  if (training && x.numel() > few_elements && x.device().is_cpu() && x.scalar_type() == at::kFloat &&
      weight.scalar_type() == at::kFloat && bias.scalar_type() == at::kFloat && x.size(0) > 1)
    return BatchNormRelu::apply(x, weight, bias, running_mean, running_var, momentum, eps);
  return at::batch_norm(x, weight, bias, running_mean, running_var, training, momentum, eps, false).relu_();
}

TORCH_LIBRARY_FRAGMENT(glem, m) {
  m.def(
      "batch_norm_relu(Tensor x, Tensor weight, Tensor bias, Tensor(a!)? running_mean, Tensor(b!)? running_var, "
      "bool training, float momentum, float eps) -> Tensor",
      &batch_norm_relu);
}

}  // namespace glem
