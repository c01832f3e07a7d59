// What graph attention thinks of each edge, before the softmax; source and target are the edge's two ends.
//   gat_scores:    leaky_relu(source_j + target_i); source : [m; heads], target : [n; heads] (Velickovic et al. 2018)
//   gatv2_scores:  <att, leaky_relu(source_j + target_i)>, head by head; source : [m; d], target : [n; d], att : [d]
//                  (Brody et al. 2022)
// Edges as in edge_spmm; source and target of one type; results : [e; heads], float32. The slope is at least 0.
#include "edge_rows.h"

namespace glem {

struct GatScores : torch::autograd::Function<GatScores> {
  static Tensor forward(AutogradContext* ctx, const Edges& edges, const Tensor& source_, const Tensor& target_,
                        double slope) {
    Tensor source = source_.contiguous(), target = target_.contiguous();
    const int64_t heads = source.size(1);
    Tensor y = at::empty({edges.count(), heads}, source.options());
    edges.by_target().for_each([&](const EdgeTask& task) {
      instruction_set().scores.gat_scores(edges.in(task), ptr<float>(source), ptr<float>(target) + task.row * heads,
                                          ptr<float>(y), task.first, task.last, heads, (float)slope);
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
    auto gradient = [&](bool transposed) {
      Tensor dnode = at::empty({transposed ? edges.sources() : edges.targets(), heads}, y.options());
      sum_rows(transposed ? edges.by_source() : edges.by_target(), dnode, [&](const EdgeTask& task, float* sums) {
        instruction_set().scores.gat_scores_backward(transposed ? edges.out(task) : edges.in(task), ptr<float>(y),
                                                     ptr<float>(dy), sums ? sums : ptr<float>(dnode), task.first,
                                                     task.last, heads, slope);
      });
      return dnode;
    };
    Tensor dtarget = gradient(false), dsource = gradient(true);
    return {Tensor(), dsource, dtarget, Tensor()};
  }
};

struct Gatv2Scores : torch::autograd::Function<Gatv2Scores> {
  static Tensor forward(AutogradContext* ctx, const Edges& edges, const Tensor& source_, const Tensor& target_,
                        const Tensor& att_, int64_t heads, double slope) {
    Tensor source = source_.contiguous(), target = target_.contiguous(), att = att_.contiguous();
    const int64_t d = source.size(1);
    Tensor y = at::empty({edges.count(), heads}, att.options());
    by_dtype(source, [&](auto t) {
      using T = decltype(t);
      edges.by_target().for_each([&](const EdgeTask& task) {
        std::vector<float> scratch(d + 64);
        edge_loops<T>().gatv2_scores(edges.in(task), ptr<T>(source), ptr<T>(target) + task.row * d, ptr<float>(att),
                                     ptr<float>(y), task.first, task.last, heads, d / heads, (float)slope,
                                     scratch.data());
      });
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
    Tensor dtarget = at::empty_like(target), dsource = at::empty_like(source), datt = at::zeros_like(att);
    by_dtype(source, [&](auto t) {
      using T = decltype(t);
      const EdgeTasks by_target = edges.by_target();
      Tensor partial = at::empty({by_target.count(), d}, att.options());
      sum_rows(by_target, dtarget, [&](const EdgeTask& task, float* sums) {
        edge_loops<T>().gatv2_scores_backward(edges.in(task), ptr<T>(source), ptr<T>(target) + task.row * d,
                                              ptr<float>(att), ptr<float>(dy), ptr<T>(dtarget), sums,
                                              ptr<float>(partial) + task.number * d, task.first, task.last, heads,
                                              d / heads, slope);
      });
      sum_rows(edges.by_source(), dsource, [&](const EdgeTask& task, float* sums) {
        edge_loops<T>().gatv2_scores_backward(edges.out(task), ptr<T>(target), ptr<T>(source) + task.row * d,
                                              ptr<float>(att), ptr<float>(dy), ptr<T>(dsource), sums, nullptr,
                                              task.first, task.last, heads, d / heads, slope);
      });
      for (int64_t j = 0; j < d; j++) {
        double total = 0;
        for (int64_t number = 0; number < by_target.count(); number++) total += ptr<float>(partial)[number * d + j];
        ptr<float>(datt)[j] = (float)total;
      }
    });
    return {Tensor(), dsource, dtarget, datt, Tensor(), Tensor()};
  }
};

static Tensor gat_scores(const Tensor& rowptr, const Tensor& col, const Tensor& rowptr_t, const Tensor& col_t,
                         const Tensor& order, const Tensor& source, const Tensor& target, double slope) {
  const Edges edges("gat_scores", rowptr, col, rowptr_t, col_t, order);
  check_ends("gat_scores", source, target, edges.sources(), edges.targets());
  return GatScores::apply(edges, source.to(at::kFloat), target.to(at::kFloat), slope);
}

static Tensor gatv2_scores(const Tensor& rowptr, const Tensor& col, const Tensor& rowptr_t, const Tensor& col_t,
                           const Tensor& order, const Tensor& source, const Tensor& target, const Tensor& att,
                           int64_t heads, double slope) {
  const Edges edges("gatv2_scores", rowptr, col, rowptr_t, col_t, order);
  check_ends("gatv2_scores", source, target, edges.sources(), edges.targets());
  TORCH_CHECK(att.dim() == 1 && att.size(0) == source.size(1) && has_loops(att), "gatv2_scores: att must be [",
              source.size(1), "], float32 or bfloat16, got ", att.sizes());
  check_heads("gatv2_scores", heads, source.size(1));
  return Gatv2Scores::apply(edges, source, target, att.to(at::kFloat), heads, slope);
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
