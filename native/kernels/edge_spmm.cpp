// edge_spmm(rowptr, col, rowptr_t, col_t, order, weight, x): y_i = sum over entries e of row i of weight_e x_col(e), head
// by head, with gradients to the weights (a sampled dense-dense product) and to x (through the transpose).
//   rowptr : [n + 1]   col : [e]   rowptr_t : [m + 1]   col_t, order : [e], all int32
//   weight : [e; heads]   x : [m; heads * width]   result : [n; heads * width], float32
#include "edge_rows.h"

namespace glem {

struct EdgeSpmm : torch::autograd::Function<EdgeSpmm> {
  static Tensor forward(AutogradContext* ctx, const Edges& edges, const Tensor& weight_, const Tensor& x_) {
    Tensor weight = weight_.contiguous(), x = x_.contiguous();
    const int64_t heads = weight.size(1), width = x.size(1) / heads;
    Tensor y = at::empty({edges.targets(), x.size(1)}, x.options());
    for_row_tasks(edges.rows(), edges.rowptr, [&](int64_t, int64_t first, int64_t last) {
      edge_loops().spmm(edges.rows(), ptr<float>(weight), ptr<float>(x), ptr<float>(y), first, last, heads, width);
    });
    variable_list saved = edges.tensors();
    saved.insert(saved.end(), {weight, x});
    ctx->save_for_backward(saved);
    ctx->saved_data["needs"] = (int64_t)(weight_.requires_grad() ? 1 : 0) + (x_.requires_grad() ? 2 : 0);
    return y;
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    auto saved = ctx->get_saved_variables();
    const Edges edges = Edges::of(saved);
    Tensor weight = saved[5], x = saved[6], dy = grads[0].contiguous(), dweight, dx;
    const int64_t heads = weight.size(1), width = x.size(1) / heads, needs = ctx->saved_data["needs"].toInt();
    if (needs & 1) {
      dweight = at::empty_like(weight);
      for_row_tasks(edges.rows(), edges.rowptr, [&](int64_t, int64_t first, int64_t last) {
        std::vector<float> scratch(x.size(1) + 64);
        edge_loops().dot(edges.rows(), ptr<float>(dy), ptr<float>(x), ptr<float>(dweight), first, last, heads, width,
                         scratch.data());
      });
    }
    if (needs & 2) {
      dx = at::empty_like(x);
      for_row_tasks(edges.transpose(), edges.rowptr_t, [&](int64_t, int64_t first, int64_t last) {
        edge_loops().spmm(edges.transpose(), ptr<float>(weight), ptr<float>(dy), ptr<float>(dx), first, last, heads,
                          width);
      });
    }
    return {Tensor(), dweight, dx};
  }
};

static Tensor edge_spmm(const Tensor& rowptr, const Tensor& col, const Tensor& rowptr_t, const Tensor& col_t,
                        const Tensor& order, const Tensor& weight, const Tensor& x) {
  const Edges edges("edge_spmm", rowptr, col, rowptr_t, col_t, order);
  check_matrix("edge_spmm", "weight", weight, edges.count(), -1);
  check_matrix("edge_spmm", "x", x, edges.sources(), -1);
  TORCH_CHECK(weight.size(1) > 0 && x.size(1) % weight.size(1) == 0, "edge_spmm: ", weight.size(1),
              " heads do not divide ", x.size(1), " columns");
  return EdgeSpmm::apply(edges, weight, x);
}

TORCH_LIBRARY_FRAGMENT(glem, m) {
  m.def(
      "edge_spmm(Tensor rowptr, Tensor col, Tensor rowptr_t, Tensor col_t, Tensor order, Tensor weight, Tensor x) -> "
      "Tensor",
      &edge_spmm);
}

}  // namespace glem
