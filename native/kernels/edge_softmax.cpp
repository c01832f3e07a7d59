// edge_softmax(rowptr, score): the softmax over each row's entries, head by head. A score of -infinity leaves its edge
// out; a row without any other has weights of 0.   rowptr : [n + 1], int32   score : [e; heads]   result : as score;
// powers and sums are float32
#include "edge_rows.h"

namespace glem {

struct EdgeSoftmax : torch::autograd::Function<EdgeSoftmax> {
  static Tensor forward(AutogradContext* ctx, const Tensor& rowptr, const Tensor& score_) {
    Tensor score = score_.contiguous(), y = at::empty_like(score);
    const int64_t heads = score.size(1);
    const EdgeTasks tasks = row_tasks(rowptr);
    const ScoreLoops& loops = instruction_set().scores;
    // Of each piece, head by head: its largest score, and the sum of its powers relative to that.
    std::vector<float> tops(tasks.piece_count() * heads), totals(tops.size());
    tasks.for_each([&](const EdgeTask& task) {
      std::vector<float> scratch(heads);
      const bool whole = task.piece < 0;
      loops.softmax(task.rowptr, ptr<float>(score), ptr<float>(y), task.first, task.last, heads,
                    whole ? nullptr : tops.data() + task.piece * heads,
                    whole ? nullptr : totals.data() + task.piece * heads, scratch.data());
    });
    for (const LongRow& row : tasks.long_rows()) join_shares(row, heads, tops, totals);
    for_each_piece(tasks, [&](const EdgeTask& task) {
      loops.softmax_scale(ptr<float>(y) + task.rowptr[0] * heads, totals.data() + task.piece * heads,
                          task.rowptr[1] - task.rowptr[0], heads);
    });
    ctx->save_for_backward({rowptr, y});
    return y;
  }

  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    auto saved = ctx->get_saved_variables();
    Tensor rowptr = saved[0], y = saved[1], dy = grads[0].contiguous(), dx = at::empty_like(y);
    const int64_t heads = y.size(1);
    const EdgeTasks tasks = row_tasks(rowptr);
    const ScoreLoops& loops = instruction_set().scores;
    std::vector<float> dots(tasks.piece_count() * heads);
    tasks.for_each([&](const EdgeTask& task) {
      std::vector<float> scratch(heads);
      const int64_t at = task.rowptr[0] * heads;
      if (task.piece < 0)
        loops.softmax_backward(task.rowptr, ptr<float>(y), ptr<float>(dy), ptr<float>(dx), task.first, task.last, heads,
                               scratch.data());
      else
        loops.softmax_dot(ptr<float>(y) + at, ptr<float>(dy) + at, dots.data() + task.piece * heads,
                          task.rowptr[1] - task.rowptr[0], heads);
    });
    for (const LongRow& row : tasks.long_rows())
      for (int64_t h = 0; h < heads; h++) {
        float total = 0;
        for (int64_t piece = row.first; piece < row.last; piece++) total += dots[piece * heads + h];
        for (int64_t piece = row.first; piece < row.last; piece++) dots[piece * heads + h] = total;
      }
    for_each_piece(tasks, [&](const EdgeTask& task) {
      const int64_t at = task.rowptr[0] * heads;
      loops.softmax_slope(ptr<float>(y) + at, ptr<float>(dy) + at, dots.data() + task.piece * heads, ptr<float>(dx) + at,
                          task.rowptr[1] - task.rowptr[0], heads);
    });
    return {Tensor(), dx};
  }

 private:
  template <class F>
  static void for_each_piece(const EdgeTasks& tasks, F f) {
    if (tasks.piece_count() > 0)
      tasks.for_each([&](const EdgeTask& task) {
        if (task.piece >= 0) f(task);
      });
  }

  // In place of the pieces' totals: what their shares, each of its piece alone, become shares of the row by.
  static void join_shares(const LongRow& row, int64_t heads, const std::vector<float>& tops,
                          std::vector<float>& totals) {
    for (int64_t h = 0; h < heads; h++) {
      float top = -std::numeric_limits<float>::infinity(), all = 0;
      for (int64_t piece = row.first; piece < row.last; piece++)
        if (totals[piece * heads + h] != 0) top = std::max(top, tops[piece * heads + h]);
      for (int64_t piece = row.first; piece < row.last; piece++) {
        float& total = totals[piece * heads + h];
        if (total != 0) total *= std::exp(tops[piece * heads + h] - top);
        all += total;
      }
      for (int64_t piece = row.first; piece < row.last; piece++)
        if (all != 0) totals[piece * heads + h] /= all;
    }
  }
};

static Tensor edge_softmax(const Tensor& rowptr, const Tensor& score) {
  check_rows("edge_softmax", rowptr);
  check_matrix("edge_softmax", "score", score, score.size(0), -1);
  return EdgeSoftmax::apply(rowptr.contiguous(), score.to(at::kFloat)).to(score.scalar_type());
}

TORCH_LIBRARY_FRAGMENT(glem, m) { m.def("edge_softmax(Tensor rowptr, Tensor score) -> Tensor", &edge_softmax); }

}  // namespace glem
