// spmm(rowptr, col, weight?, rowptr_t, col_t, weight_t?, x): y = A x for A [n; m] in CSR form; its transpose, in CSR form
// too, gives the gradient. The weights get none.
// spmm_by_row(rowptr, col, rowptr_t, col_t, weight, x): the same where the entries of a row share its weight.
//   rowptr : [n + 1]   col : [e]   weight : [e], of rows [n], float32   rowptr_t : [m + 1]   x : [m; d]   result : [n; d]
#include "row_tasks.h"

namespace glem {

static Tensor product(const Tensor& rowptr, const Tensor& col, const Tensor& weight, WeightOf of, const Tensor& x_) {
  Tensor x = x_.contiguous();
  const int64_t rows = rowptr.size(0) - 1, d = x.size(1);
  Tensor y = at::empty({rows, d}, x.options());
  by_dtype(x, [&](auto t) {
    using T = decltype(t);
    auto run = [&](auto* bounds, auto* columns, auto loop) {
      sum_rows(RowTasks(bounds, rows), y, [&](const auto& task, float* sums) {
        const float* weights = ptr<float>(weight);
        // A piece's row counts as its task's first.
        if (of == WeightOf::row && weights) weights += task.row;
        loop(task.rowptr, columns, weights, of, ptr<T>(x), ptr<T>(y), sums, task.first, task.last, d);
      });
    };
    if (rowptr.scalar_type() == at::kInt)
      run(ptr<int32_t>(rowptr), ptr<int32_t>(col), loops<T>().spmm32);
    else
      run(ptr<int64_t>(rowptr), ptr<int64_t>(col), loops<T>().spmm64);
  });
  return y;
}

struct Spmm : torch::autograd::Function<Spmm> {
  static Tensor forward(AutogradContext* ctx, const Tensor& rowptr, const Tensor& col, const optional<Tensor>& weight,
                        const Tensor& rowptr_t, const Tensor& col_t, const optional<Tensor>& weight_t,
                        const Tensor& x) {
    ctx->save_for_backward({rowptr_t.contiguous(), col_t.contiguous(), contiguous(weight_t)});
    return product(rowptr.contiguous(), col.contiguous(), contiguous(weight), WeightOf::entry, x);
  }
  static variable_list backward(AutogradContext* ctx, variable_list dy) {
    auto saved = ctx->get_saved_variables();
    Tensor none, dx = product(saved[0], saved[1], saved[2], WeightOf::entry, dy[0]);
    return {none, none, none, none, none, none, dx};
  }
};

struct SpmmByRow : torch::autograd::Function<SpmmByRow> {
  static Tensor forward(AutogradContext* ctx, const Tensor& rowptr, const Tensor& col, const Tensor& rowptr_t,
                        const Tensor& col_t, const Tensor& weight_, const Tensor& x) {
    Tensor weight = weight_.contiguous();
    ctx->save_for_backward({rowptr_t.contiguous(), col_t.contiguous(), weight});
    return product(rowptr.contiguous(), col.contiguous(), weight, WeightOf::row, x);
  }
  static variable_list backward(AutogradContext* ctx, variable_list dy) {
    auto saved = ctx->get_saved_variables();
    Tensor none, dx = product(saved[0], saved[1], saved[2], WeightOf::column, dy[0]);
    return {none, none, none, none, none, dx};
  }
};

static void check(const Tensor& rowptr, const Tensor& col, const optional<Tensor>& weight, const char* name) {
  TORCH_CHECK(rowptr.dim() == 1 && rowptr.size(0) >= 1 && col.dim() == 1, "spmm: ", name,
              " needs rowptr [n + 1] and col [e], got ", rowptr.sizes(), " and ", col.sizes());
  TORCH_CHECK(rowptr.scalar_type() == col.scalar_type() &&
                  (col.scalar_type() == at::kInt || col.scalar_type() == at::kLong),
              "spmm: ", name, " needs rowptr and col of one dtype, int32 or int64, got ", rowptr.scalar_type(), " and ",
              col.scalar_type());
  if (weight.has_value())
    TORCH_CHECK(weight->sizes() == col.sizes() && weight->scalar_type() == at::kFloat, "spmm: ", name,
                " needs weight [", col.size(0), "], float32, got ", weight->sizes(), ", ", weight->scalar_type());
}

static Tensor spmm(const Tensor& rowptr, const Tensor& col, const optional<Tensor>& weight, const Tensor& rowptr_t,
                   const Tensor& col_t, const optional<Tensor>& weight_t, const Tensor& x) {
  check(rowptr, col, weight, "A");
  check(rowptr_t, col_t, weight_t, "A's transpose");
  TORCH_CHECK(x.dim() == 2 && x.size(0) == rowptr_t.size(0) - 1, "spmm: x must be [", rowptr_t.size(0) - 1,
              "; d], got ", x.sizes());
  TORCH_CHECK(col.size(0) == col_t.size(0), "spmm: A has ", col.size(0), " entries, its transpose ", col_t.size(0));
  if (has_loops(x)) return Spmm::apply(rowptr, col, weight, rowptr_t, col_t, weight_t, x);
  const int64_t rows = rowptr.size(0) - 1;
  Tensor row = at::arange(rows, col.options().dtype(at::kLong)).repeat_interleave(rowptr.diff().to(at::kLong));
  Tensor gathered = x.index_select(0, col);
  if (weight.has_value()) gathered = gathered * weight->to(x.scalar_type()).unsqueeze(1);
  return at::zeros({rows, x.size(1)}, x.options()).index_add(0, row, gathered);
}

static Tensor spmm_by_row(const Tensor& rowptr, const Tensor& col, const Tensor& rowptr_t, const Tensor& col_t,
                          const Tensor& weight, const Tensor& x) {
  TORCH_CHECK(weight.dim() == 1 && weight.size(0) == rowptr.size(0) - 1 && weight.scalar_type() == at::kFloat,
              "spmm_by_row: needs weight [", rowptr.size(0) - 1, "], float32, got ", weight.sizes(), ", ",
              weight.scalar_type());
  if (!has_loops(x)) {
    const Tensor degrees = rowptr.diff().to(at::kLong), entries = weight.repeat_interleave(degrees);
    return spmm(rowptr, col, entries, rowptr_t, col_t, entries, x);
  }
  check(rowptr, col, {}, "A");
  check(rowptr_t, col_t, {}, "A's transpose");
  TORCH_CHECK(x.dim() == 2 && x.size(0) == rowptr_t.size(0) - 1 && col.size(0) == col_t.size(0),
              "spmm_by_row: x must be [", rowptr_t.size(0) - 1, "; d], got ", x.sizes(), "; A has ", col.size(0),
              " entries, its transpose ", col_t.size(0));
  return SpmmByRow::apply(rowptr, col, rowptr_t, col_t, weight, x);
}

TORCH_LIBRARY_FRAGMENT(glem, m) {
  m.def(
      "spmm_by_row(Tensor rowptr, Tensor col, Tensor rowptr_t, Tensor col_t, Tensor weight, Tensor x) -> Tensor",
      &spmm_by_row);
  m.def(
      "spmm(Tensor rowptr, Tensor col, Tensor? weight, Tensor rowptr_t, Tensor col_t, Tensor? weight_t, Tensor x) -> "
      "Tensor",
      &spmm);
}

}  // namespace glem
