// sddmm(rowptr, col, rowptr_t, col_t, order, target, source, heads): the dot product of the rows at both ends of every
// edge, head by head: a dense-dense product sampled where the graph has edges.
//   edges as in edge_spmm   target : [n; d]   source : [m; d], of one type   result : [e; heads], float32
#include "edge_products.h"

namespace glem {

struct Sddmm : torch::autograd::Function<Sddmm> {
  static Tensor forward(AutogradContext* ctx, const Edges& edges, const Tensor& target_, const Tensor& source_,
                        int64_t heads) {
    Tensor target = target_.contiguous(), source = source_.contiguous();
    variable_list saved = edges.tensors();
    saved.insert(saved.end(), {target, source});
    ctx->save_for_backward(saved);
    ctx->saved_data["needs"] = (int64_t)(target_.requires_grad() ? 1 : 0) + (source_.requires_grad() ? 2 : 0);
    return edge_dots(edges, target, source, heads);
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    auto saved = ctx->get_saved_variables();
    const Edges edges = Edges::of(saved);
    Tensor target = saved[5], source = saved[6], dy = grads[0].contiguous(), dtarget, dsource;
    const int64_t needs = ctx->saved_data["needs"].toInt();
    if (needs & 1) dtarget = edge_sums(edges, false, dy, source);
    if (needs & 2) dsource = edge_sums(edges, true, dy, target);
    return {Tensor(), dtarget, dsource, Tensor()};
  }
};

static Tensor sddmm(const Tensor& rowptr, const Tensor& col, const Tensor& rowptr_t, const Tensor& col_t,
                    const Tensor& order, const Tensor& target, const Tensor& source, int64_t heads) {
  const Edges edges("sddmm", rowptr, col, rowptr_t, col_t, order);
  check_ends("sddmm", source, target, edges.sources(), edges.targets());
  check_heads("sddmm", heads, source.size(1));
  return Sddmm::apply(edges, target, source, heads);
}

TORCH_LIBRARY_FRAGMENT(glem, m) {
  m.def(
      "sddmm(Tensor rowptr, Tensor col, Tensor rowptr_t, Tensor col_t, Tensor order, Tensor target, Tensor source, int "
      "heads) -> Tensor",
      &sddmm);
}

}  // namespace glem
