// dropout_linear(x, weights, p, seed): dropout(x) W^T for each matrix W. Dropped rows are made a block at a time, and made
// again for the backward pass, so that no dropped copy of x is ever whole.
//   x : [n; d]   weights : each [h; d], of x's dtype   results : each [n; h]
#include "operators.h"

namespace glem {

// Rows of a block. Sums over rows are cut as blocks are: a small matrix is one block, with the bits of one product.
static int64_t dropped_rows(const Tensor& x) {
  return x.numel() <= few_elements ? x.size(0) : std::max<int64_t>(1, few_elements / 4 / x.size(1));
}

static void drop_rows(const Tensor& x, const Tensor& y, int64_t first, const Dropout& drop) {
  by_dtype(x, [&](auto t) {
    using T = decltype(t);
    at::parallel_for(0, x.numel(), 1 << 14, [&](int64_t begin, int64_t end) {
      loops<T>().dropout(ptr<T>(x) + begin, ptr<T>(y) + begin, first + begin, end - begin, drop);
    });
  });
}

// f(first row, rows, those rows dropped) for every block.
template <class F>
void for_each_dropped(const Tensor& x, const Dropout& drop, F f) {
  const int64_t n = x.size(0), d = x.size(1), most = dropped_rows(x);
  Tensor scratch = drop.threshold == 0 ? Tensor() : at::empty({std::min(n, most), d}, x.options());
  for (int64_t first = 0; first < n; first += most) {
    const int64_t rows = std::min(most, n - first);
    Tensor block = x.narrow(0, first, rows);
    if (drop.threshold != 0) {
      Tensor dropped = scratch.narrow(0, 0, rows);
      drop_rows(block, dropped, first * d, drop);
      block = dropped;
    }
    f(first, rows, block);
  }
}

struct DropoutLinear : torch::autograd::Function<DropoutLinear> {
  static variable_list forward(AutogradContext* ctx, const Tensor& x_, at::TensorList weights, double p,
                               int64_t seed) {
    Tensor x = x_.contiguous();
    variable_list saved{x}, ys;
    for (const Tensor& weight : weights) {
      saved.push_back(weight);
      ys.push_back(at::empty({x.size(0), weight.size(0)}, x.options()));
    }
    for_each_dropped(x, make_dropout(p, seed), [&](int64_t first, int64_t rows, const Tensor& block) {
      for (size_t k = 0; k < ys.size(); k++) {
        Tensor y = ys[k].narrow(0, first, rows);
        at::mm_out(y, block, weights[k].t());
      }
    });
    ctx->save_for_backward(saved);
    ctx->saved_data["p"] = p;
    ctx->saved_data["seed"] = seed;
    ctx->set_materialize_grads(false);
    return ys;
  }

  static variable_list backward(AutogradContext* ctx, variable_list dys) {
    const auto saved = ctx->get_saved_variables();
    const Tensor& x = saved[0];
    const int64_t d = x.size(1);
    const Dropout drop = make_dropout(ctx->saved_data["p"].toDouble(), ctx->saved_data["seed"].toInt());
    // x, the matrices, p and seed.
    variable_list gradients(dys.size() + 3);
    std::vector<size_t> given;
    bool reads = false;
    for (size_t k = 0; k < dys.size(); k++)
      if (dys[k].defined()) {
        dys[k] = dys[k].contiguous();
        given.push_back(k);
        reads |= ctx->needs_input_grad(1 + k);
      }
    if (given.empty()) return gradients;
    if (ctx->needs_input_grad(0)) {
      Tensor dx = gradients[0] = at::empty_like(x);
      for_each_dropped(x, make_dropout(0, 0), [&](int64_t first, int64_t rows, const Tensor&) {
        Tensor block = dx.narrow(0, first, rows);
        for (size_t k : given) {
          const Tensor dy = dys[k].narrow(0, first, rows);
          if (k == given[0])
            at::mm_out(block, dy, saved[1 + k]);
          else
            block.addmm_(dy, saved[1 + k]);
        }
        if (drop.threshold != 0) drop_rows(block, block, first * d, drop);
      });
    }
    if (reads)
      for_each_dropped(x, drop, [&](int64_t first, int64_t rows, const Tensor& block) {
        for (size_t k : given) {
          if (!ctx->needs_input_grad(1 + k)) continue;
          const Tensor dy = dys[k].narrow(0, first, rows).t();
          if (first == 0)
            gradients[1 + k] = at::mm(dy, block);
          else
            gradients[1 + k].addmm_(dy, block);
        }
      });
    return gradients;
  }
};

static std::vector<Tensor> dropout_linear(const Tensor& x, at::TensorList weights, double p, int64_t seed) {
  TORCH_CHECK(x.dim() == 2, "dropout_linear: x must be [n; d], got ", x.sizes());
  for (const Tensor& weight : weights)
    TORCH_CHECK(weight.dim() == 2 && weight.size(1) == x.size(1) && weight.scalar_type() == x.scalar_type(),
                "dropout_linear: weights must be [h; ", x.size(1), "], ", x.scalar_type(), ", got ", weight.sizes(), ", ",
                weight.scalar_type());
  if (has_loops(x) && x.numel() > 0) return DropoutLinear::apply(x, weights, p, seed);
  Tensor dropped = p > 0 ? x * keep_scales_like(x, p, seed).to(x.scalar_type()) : x;
  std::vector<Tensor> ys;
  for (const Tensor& weight : weights) ys.push_back(at::linear(dropped, weight));
  return ys;
}

TORCH_LIBRARY_FRAGMENT(glem, m) {
  m.def("dropout_linear(Tensor x, Tensor[] weights, float p, int seed) -> Tensor[]", &dropout_linear);
}

}  // namespace glem
