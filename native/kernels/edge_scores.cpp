// What graph attention thinks of each edge, before the softmax; source and target are the edge's two ends.
//   gat_scores:    leaky_relu(source_j + target_i); source : [m; heads], target : [n; heads] (Velickovic et al. 2018)
//   gatv2_scores:  <att, leaky_relu(source_j + target_i)>, head by head; source : [m; d], target : [n; d], att : [d]
//                  (Brody et al. 2022)
// Edges as in edge_spmm; results : [e; heads], float32. The slope is at least 0.
#include "edge_rows.h"

namespace glem {

struct GatScores : torch::autograd::Function<GatScores> {
  static Tensor forward(AutogradContext* ctx, const Edges& edges, const Tensor& source_, const Tensor& target_,
                        double slope) {
    Tensor source = source_.contiguous(), target = target_.contiguous();
    const int64_t heads = source.size(1);
    Tensor y = at::empty({edges.count(), heads}, source.options());
    for_row_tasks(edges.rows(), edges.rowptr, [&](int64_t, int64_t first, int64_t last) {
      edge_loops().gat_scores(edges.rows(), ptr<float>(source), ptr<float>(target), ptr<float>(y), first, last, heads,
                              (float)slope);
    });
    variable_list saved = edges.tensors();
    saved.push_back(y);
    ctx->save_for_backward(saved);
    ctx->saved_data["slope"] = slope;
    return y;
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    auto saved = ctx->get_saved_variables();
    const Edges edges = Edges::of(saved);
    Tensor y = saved[5], dy = grads[0].contiguous();
    const int64_t heads = y.size(1);
    const float slope = (float)ctx->saved_data["slope"].toDouble();
    auto gradient = [&](const EdgeRows& rows, const Tensor& rowptr) {
      Tensor sums = at::empty({rowptr.size(0) - 1, heads}, y.options());
      for_row_tasks(rows, rowptr, [&](int64_t, int64_t first, int64_t last) {
        edge_loops().gat_scores_backward(rows, ptr<float>(y), ptr<float>(dy), ptr<float>(sums), first, last, heads,
                                         slope);
      });
      return sums;
    };
    Tensor dtarget = gradient(edges.rows(), edges.rowptr), dsource = gradient(edges.transpose(), edges.rowptr_t);
    return {Tensor(), dsource, dtarget, Tensor()};
  }
};

struct Gatv2Scores : torch::autograd::Function<Gatv2Scores> {
  static Tensor forward(AutogradContext* ctx, const Edges& edges, const Tensor& source_, const Tensor& target_,
                        const Tensor& att_, int64_t heads, double slope) {
    Tensor source = source_.contiguous(), target = target_.contiguous(), att = att_.contiguous();
    const int64_t d = source.size(1);
    Tensor y = at::empty({edges.count(), heads}, source.options());
    for_row_tasks(edges.rows(), edges.rowptr, [&](int64_t, int64_t first, int64_t last) {
      std::vector<float> scratch(d + 64);
      edge_loops().gatv2_scores(edges.rows(), ptr<float>(source), ptr<float>(target), ptr<float>(att), ptr<float>(y),
                                first, last, heads, d / heads, (float)slope, scratch.data());
    });
    variable_list saved = edges.tensors();
    saved.insert(saved.end(), {source, target, att});
    ctx->save_for_backward(saved);
    ctx->saved_data["heads"] = heads;
    ctx->saved_data["slope"] = slope;
    return y;
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    auto saved = ctx->get_saved_variables();
    const Edges edges = Edges::of(saved);
    Tensor source = saved[5], target = saved[6], att = saved[7], dy = grads[0].contiguous();
    const int64_t d = source.size(1), heads = ctx->saved_data["heads"].toInt();
    const float slope = (float)ctx->saved_data["slope"].toDouble();
    Tensor dtarget = at::empty_like(target), dsource = at::empty_like(source);
    Tensor partial = at::zeros({row_tasks(edges.targets(), edges.count()), d}, att.options());
    for_row_tasks(edges.rows(), edges.rowptr, [&](int64_t task, int64_t first, int64_t last) {
      edge_loops().gatv2_scores_backward(edges.rows(), ptr<float>(source), ptr<float>(target), ptr<float>(att),
                                         ptr<float>(dy), ptr<float>(dtarget), ptr<float>(partial) + task * d, first,
                                         last, heads, d / heads, slope);
    });
    for_row_tasks(edges.transpose(), edges.rowptr_t, [&](int64_t, int64_t first, int64_t last) {
      edge_loops().gatv2_scores_backward(edges.transpose(), ptr<float>(target), ptr<float>(source), ptr<float>(att),
                                         ptr<float>(dy), ptr<float>(dsource), nullptr, first, last, heads, d / heads,
                                         slope);
    });
    return {Tensor(), dsource, dtarget, partial.sum(0), Tensor(), Tensor()};
  }
};

static Tensor gat_scores(const Tensor& rowptr, const Tensor& col, const Tensor& rowptr_t, const Tensor& col_t,
                         const Tensor& order, const Tensor& source, const Tensor& target, double slope) {
  const Edges edges("gat_scores", rowptr, col, rowptr_t, col_t, order);
  check_matrix("gat_scores", "source", source, edges.sources(), -1);
  check_matrix("gat_scores", "target", target, edges.targets(), source.size(1));
  return GatScores::apply(edges, source, target, slope);
}

static Tensor gatv2_scores(const Tensor& rowptr, const Tensor& col, const Tensor& rowptr_t, const Tensor& col_t,
                           const Tensor& order, const Tensor& source, const Tensor& target, const Tensor& att,
                           int64_t heads, double slope) {
  const Edges edges("gatv2_scores", rowptr, col, rowptr_t, col_t, order);
  check_matrix("gatv2_scores", "source", source, edges.sources(), -1);
  check_matrix("gatv2_scores", "target", target, edges.targets(), source.size(1));
  TORCH_CHECK(att.dim() == 1 && att.size(0) == source.size(1) && att.scalar_type() == at::kFloat,
              "gatv2_scores: att must be [", source.size(1), "], float32, got ", att.sizes());
  TORCH_CHECK(heads > 0 && source.size(1) % heads == 0, "gatv2_scores: ", heads, " heads do not divide ",
              source.size(1), " columns");
  return Gatv2Scores::apply(edges, source, target, att, heads, slope);
}

TORCH_LIBRARY_FRAGMENT(glem, m) {
  m.def(
      "gat_scores(Tensor rowptr, Tensor col, Tensor rowptr_t, Tensor col_t, Tensor order, Tensor source, Tensor target, "
      "float slope) -> Tensor",
      &gat_scores);
  m.def(
      "gatv2_scores(Tensor rowptr, Tensor col, Tensor rowptr_t, Tensor col_t, Tensor order, Tensor source, Tensor "
      "target, Tensor att, int heads, float slope) -> Tensor",
      &gatv2_scores);
}

}  // namespace glem
