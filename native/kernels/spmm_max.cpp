// spmm_max(rowptr, col, rowptr_t, col_t, order, x): y_i = the largest of x_col(e) over the entries e of row i, column by
// column; 0 for a row without entries. Of equal ones the first has the gradient.
//   edges as in edge_spmm   x : [m; d]   result : [n; d], float32
#include "edge_rows.h"

namespace glem {

struct SpmmMax : torch::autograd::Function<SpmmMax> {
  static Tensor forward(AutogradContext* ctx, const Edges& edges, const Tensor& x_) {
    Tensor x = x_.contiguous(), y = at::empty({edges.targets(), x.size(1)}, x.options());
    Tensor arg = at::empty(y.sizes(), y.options().dtype(at::kInt));
    for_row_tasks(edges.rows(), edges.rowptr, [&](int64_t, int64_t first, int64_t last) {
      edge_loops().max(edges.rows(), ptr<float>(x), ptr<float>(y), ptr<int32_t>(arg), first, last, x.size(1));
    });
    variable_list saved = edges.tensors();
    saved.push_back(arg);
    ctx->save_for_backward(saved);
    return y;
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    auto saved = ctx->get_saved_variables();
    const Edges edges = Edges::of(saved);
    Tensor arg = saved[5], dy = grads[0].contiguous();
    Tensor dx = at::empty({edges.sources(), dy.size(1)}, dy.options());
    for_row_tasks(edges.transpose(), edges.rowptr_t, [&](int64_t, int64_t first, int64_t last) {
      edge_loops().max_backward(edges.transpose(), ptr<int32_t>(arg), ptr<float>(dy), ptr<float>(dx), first, last,
                                dy.size(1));
    });
    return {Tensor(), dx};
  }
};

static Tensor spmm_max(const Tensor& rowptr, const Tensor& col, const Tensor& rowptr_t, const Tensor& col_t,
                       const Tensor& order, const Tensor& x) {
  const Edges edges("spmm_max", rowptr, col, rowptr_t, col_t, order);
  check_matrix("spmm_max", "x", x, edges.sources(), -1);
  return SpmmMax::apply(edges, x);
}

TORCH_LIBRARY_FRAGMENT(glem, m) {
  m.def(
      "spmm_max(Tensor rowptr, Tensor col, Tensor rowptr_t, Tensor col_t, Tensor order, Tensor x) -> Tensor",
      &spmm_max);
}

}  // namespace glem
