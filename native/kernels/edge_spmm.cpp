// edge_spmm(rowptr, col, rowptr_t, col_t, order, weight, x): y_i = sum over entries e of row i of weight_e x_col(e), head
// by head, with gradients to the weights (a sampled dense-dense product) and to x (through the transpose).
//   rowptr : [n + 1]   col : [e]   rowptr_t : [m + 1]   col_t, order : [e], all int32
//   weight : [e; heads]   x : [m; heads * width]   result : [n; heads * width], of x's type; sums are float32
#include "edge_products.h"

namespace glem {

struct EdgeSpmm : torch::autograd::Function<EdgeSpmm> {
  static Tensor forward(AutogradContext* ctx, const Edges& edges, const Tensor& weight_, const Tensor& x_) {
    Tensor weight = weight_.contiguous(), x = x_.contiguous();
    variable_list saved = edges.tensors();
    saved.insert(saved.end(), {weight, x});
    ctx->save_for_backward(saved);
    ctx->saved_data["needs"] = (int64_t)(weight_.requires_grad() ? 1 : 0) + (x_.requires_grad() ? 2 : 0);
    return edge_sums(edges, false, weight, x);
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    auto saved = ctx->get_saved_variables();
    const Edges edges = Edges::of(saved);
    Tensor weight = saved[5], x = saved[6], dy = grads[0].contiguous(), dweight, dx;
    const int64_t needs = ctx->saved_data["needs"].toInt();
    if (needs & 1) dweight = edge_dots(edges, dy, x, weight.size(1));
    if (needs & 2) dx = edge_sums(edges, true, weight, dy);
    return {Tensor(), dweight, dx};
  }
};

static Tensor edge_spmm(const Tensor& rowptr, const Tensor& col, const Tensor& rowptr_t, const Tensor& col_t,
                        const Tensor& order, const Tensor& weight, const Tensor& x) {
  const Edges edges("edge_spmm", rowptr, col, rowptr_t, col_t, order);
  check_matrix("edge_spmm", "weight", weight, edges.count(), -1);
  check_matrix("edge_spmm", "x", x, edges.sources(), -1);
  check_heads("edge_spmm", weight.size(1), x.size(1));
  return EdgeSpmm::apply(edges, weight.to(at::kFloat), x);
}

TORCH_LIBRARY_FRAGMENT(glem, m) {
  m.def(
      "edge_spmm(Tensor rowptr, Tensor col, Tensor rowptr_t, Tensor col_t, Tensor order, Tensor weight, Tensor x) -> "
      "Tensor",
      &edge_spmm);
}

}  // namespace glem
