// adamw_(params, grads, exp_avg, exp_avg_sq, shadows, ...): torch.optim.AdamW's update of every tensor in one pass, in
// place. params and moments are float32; grads float32 or bfloat16, times grad_scale; shadows, when given, are bfloat16
// copies of the parameters, written in the same pass. step counts from 1.
// grad_norm(grads): the L2 norm over all of them, [] float64, the same bits for any number of threads.
#include <cmath>

#include "operators.h"

namespace glem {

// A piece of one tensor of a list, so that many small tensors and few large ones are divided alike.
struct Piece {
  size_t tensor;
  int64_t first, count;
};

static std::vector<Piece> pieces(at::TensorList tensors, int64_t size) {
  std::vector<Piece> all;
  for (size_t i = 0; i < tensors.size(); i++)
    for (int64_t first = 0; first < tensors[i].numel(); first += size)
      all.push_back({i, first, std::min(size, tensors[i].numel() - first)});
  return all;
}

static void plain_adamw(const Tensor& p, const Tensor& grad, Tensor m, Tensor v, double lr, double beta1, double beta2,
                        double eps, double weight_decay, int64_t step, double grad_scale) {
  Tensor g = grad.to(p.scalar_type()) * grad_scale;
  Tensor param = p;
  param.mul_(1 - lr * weight_decay);
  m.mul_(beta1).add_(g, 1 - beta1);
  v.mul_(beta2).addcmul_(g, g, 1 - beta2);
  Tensor denominator = (v.sqrt() / std::sqrt(1 - std::pow(beta2, step))).add_(eps);
  param.addcdiv_(m, denominator, -lr / (1 - std::pow(beta1, step)));
}

static void adamw_(at::TensorList params, at::TensorList grads, at::TensorList exp_avg, at::TensorList exp_avg_sq,
                   at::TensorList shadows, double lr, double beta1, double beta2, double eps, double weight_decay,
                   int64_t step, double grad_scale) {
  at::NoGradGuard no_grad;
  const size_t n = params.size();
  TORCH_CHECK(grads.size() == n && exp_avg.size() == n && exp_avg_sq.size() == n &&
                  (shadows.empty() || shadows.size() == n),
              "adamw_: lists of ", n, " params, ", grads.size(), " grads, ", exp_avg.size(), " exp_avg, ",
              exp_avg_sq.size(), " exp_avg_sq, ", shadows.size(), " shadows");
  TORCH_CHECK(step >= 1, "adamw_: step counts from 1, got ", step);
  bool loops_take_all = true;
  std::vector<Tensor> gradients;
  for (size_t i = 0; i < n; i++) {
    for (const Tensor& other : {grads[i], exp_avg[i], exp_avg_sq[i]})
      TORCH_CHECK(other.sizes() == params[i].sizes(), "adamw_: parameter ", i, " is ", params[i].sizes(),
                  ", its gradient or moment ", other.sizes());
    if (!shadows.empty())
      TORCH_CHECK(shadows[i].sizes() == params[i].sizes() && shadows[i].scalar_type() == at::kBFloat16,
                  "adamw_: shadow ", i, " must be ", params[i].sizes(), ", bfloat16");
    for (const Tensor& t : {params[i], exp_avg[i], exp_avg_sq[i]})
      loops_take_all &= has_loops(t) && t.scalar_type() == at::kFloat && t.is_contiguous();
    loops_take_all &= has_loops(grads[i]) && (shadows.empty() || shadows[i].is_contiguous());
    gradients.push_back(grads[i].contiguous());
  }
  if (!loops_take_all) {
    for (size_t i = 0; i < n; i++) {
      plain_adamw(params[i], gradients[i], exp_avg[i], exp_avg_sq[i], lr, beta1, beta2, eps, weight_decay, step,
                  grad_scale);
      if (!shadows.empty()) Tensor(shadows[i]).copy_(params[i]);
    }
    return;
  }
  const AdamW update = {(float)(lr / (1 - std::pow(beta1, step))),
                        (float)(1 - lr * weight_decay),
                        (float)beta1,
                        (float)(1 - beta1),
                        (float)beta2,
                        (float)(1 - beta2),
                        (float)eps,
                        (float)std::sqrt(1 - std::pow(beta2, step)),
                        (float)grad_scale};
  const std::vector<Piece> all = pieces(params, 1 << 15);
  for_each_task((int64_t)all.size(), [&](int64_t task) {
    const Piece& at = all[task];
    const Tensor& g = gradients[at.tensor];
    bf16* shadow = shadows.empty() ? nullptr : ptr<bf16>(shadows[at.tensor]) + at.first;
    by_dtype(g, [&](auto t) {
      using T = decltype(t);
      loops<T>().adamw(ptr<float>(params[at.tensor]) + at.first, ptr<T>(g) + at.first,
                       ptr<float>(exp_avg[at.tensor]) + at.first, ptr<float>(exp_avg_sq[at.tensor]) + at.first, shadow,
                       at.count, update);
    });
  });
  // Autograd must know that these were written, as after any in-place operator.
  for (at::TensorList list : {params, exp_avg, exp_avg_sq, shadows})
    for (const Tensor& t : list)
      if (!t.is_inference()) t.unsafeGetTensorImpl()->bump_version();
}

static Tensor grad_norm(at::TensorList grads) {
  bool loops_take_all = true;
  std::vector<Tensor> dense;
  for (const Tensor& g : grads) {
    loops_take_all &= has_loops(g);
    dense.push_back(g.contiguous());
  }
  if (!loops_take_all) {
    std::vector<Tensor> squares;
    for (const Tensor& g : dense) squares.push_back(g.to(at::kDouble).square().sum());
    return at::stack(squares).sum().sqrt();
  }
  const std::vector<Piece> all = pieces(dense, 1 << 15);
  std::vector<double> sums(all.size());
  for_each_task((int64_t)all.size(), [&](int64_t task) {
    const Piece& at = all[task];
    by_dtype(dense[at.tensor], [&](auto t) {
      using T = decltype(t);
      sums[task] = loops<T>().square_sum(ptr<T>(dense[at.tensor]) + at.first, at.count);
    });
  });
  double total = 0;
  for (double s : sums) total += s;
  return at::scalar_tensor(std::sqrt(total), at::TensorOptions().dtype(at::kDouble));
}

TORCH_LIBRARY_FRAGMENT(glem, m) {
  m.def(
      "adamw_(Tensor(a!)[] params, Tensor[] grads, Tensor(b!)[] exp_avg, Tensor(c!)[] exp_avg_sq, Tensor(d!)[] shadows, "
      "float lr, float beta1, float beta2, float eps, float weight_decay, int step, float grad_scale) -> ()",
      &adamw_);
  m.def("grad_norm(Tensor[] grads) -> Tensor", &grad_norm);
}

}  // namespace glem
