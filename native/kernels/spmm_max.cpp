// spmm_max(rowptr, col, rowptr_t, col_t, order, x): y_i = the largest of x_col(e) over the entries e of row i, column by
// column; 0 for a row without entries. Of equal ones the first has the gradient.
//   edges as in edge_spmm   x : [m; d]   result : [n; d], of x's type
#include "row_maxima.h"

namespace glem {

struct SpmmMax : torch::autograd::Function<SpmmMax> {
  static Tensor forward(AutogradContext* ctx, const Edges& edges, const Tensor& x) {
    const Maxima maxima = row_maxima(edges.rowptr, edges.col, x.contiguous());
    variable_list saved = edges.tensors();
    saved.push_back(maxima.entries);
    ctx->save_for_backward(saved);
    return maxima.values;
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    auto saved = ctx->get_saved_variables();
    const Edges edges = Edges::of(saved);
    Tensor arg = saved[5], dy = grads[0].contiguous();
    Tensor dx = at::empty({edges.sources(), dy.size(1)}, dy.options());
    by_dtype(dy, [&](auto t) {
      using T = decltype(t);
      sum_rows(edges.by_source(), dx, [&](const EdgeTask& task, float* sums) {
        edge_loops<T>().max_backward(edges.out(task), ptr<int32_t>(arg), ptr<T>(dy), ptr<T>(dx), sums, task.first,
                                     task.last, dy.size(1));
      });
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
