// How the operators over a graph's edges read their arguments. What belongs to a node may be float32 or bfloat16; what
// belongs to an edge (scores, weights) is float32 in the loops: it is little beside the rows that are gathered, and a
// softmax wants its digits.
#pragma once
#include "operators.h"
#include "row_tasks.h"

namespace glem {

using EdgeTask = RowTask<int32_t>;
using EdgeTasks = RowTasks<int32_t>;

inline EdgeTasks row_tasks(const Tensor& rowptr) { return {ptr<int32_t>(rowptr), rowptr.size(0) - 1}; }

inline void check_rows(const char* op, const Tensor& rowptr) {
  TORCH_CHECK(rowptr.dim() == 1 && rowptr.size(0) >= 1 && rowptr.scalar_type() == at::kInt && rowptr.device().is_cpu(),
              op, ": needs rowptr [n + 1], int32, on the CPU, got ", rowptr.sizes(), ", ", rowptr.scalar_type());
}

// What is [rows; columns] in float32 or bfloat16 on the CPU; a negative number of columns is any.
inline void check_matrix(const char* op, const char* name, const Tensor& x, int64_t rows, int64_t columns) {
  TORCH_CHECK(x.dim() == 2 && x.size(0) == rows && (columns < 0 || x.size(1) == columns) && has_loops(x), op, ": ", name,
              " must be [", rows, "; ", columns < 0 ? "d" : std::to_string(columns),
              "], float32 or bfloat16, on the CPU, got ", x.sizes(), ", ", x.scalar_type());
}

// Two matrices whose rows meet on an edge.
inline void check_ends(const char* op, const Tensor& source, const Tensor& target, int64_t sources, int64_t targets) {
  check_matrix(op, "source", source, sources, -1);
  check_matrix(op, "target", target, targets, source.size(1));
  TORCH_CHECK(source.scalar_type() == target.scalar_type(), op, ": source and target must be of one type, got ",
              source.scalar_type(), " and ", target.scalar_type());
}

inline void check_heads(const char* op, int64_t heads, int64_t columns) {
  TORCH_CHECK(heads > 0 && columns % heads == 0, op, ": ", heads, " heads do not divide ", columns, " columns");
}

// A graph's in-edges by target, and its transpose.
struct Edges {
  Tensor rowptr, col, rowptr_t, col_t, order;

  Edges(const char* op, const Tensor& rowptr, const Tensor& col, const Tensor& rowptr_t, const Tensor& col_t,
        const Tensor& order)
      : rowptr(rowptr.contiguous()), col(col.contiguous()), rowptr_t(rowptr_t.contiguous()),
        col_t(col_t.contiguous()), order(order.contiguous()) {
    check_rows(op, rowptr);
    check_rows(op, rowptr_t);
    for (const Tensor& x : {col, col_t, order})
      TORCH_CHECK(x.dim() == 1 && x.size(0) == col.size(0) && x.scalar_type() == at::kInt && x.device().is_cpu(), op,
                  ": needs col, col_t and order [e], int32, on the CPU, got ", x.sizes(), ", ", x.scalar_type());
  }

  static Edges of(const variable_list& saved) { return {"backward", saved[0], saved[1], saved[2], saved[3], saved[4]}; }
  variable_list tensors() const { return {rowptr, col, rowptr_t, col_t, order}; }

  int64_t targets() const { return rowptr.size(0) - 1; }
  int64_t sources() const { return rowptr_t.size(0) - 1; }
  int64_t count() const { return col.size(0); }

  EdgeTasks by_target() const { return row_tasks(rowptr); }
  EdgeTasks by_source() const { return row_tasks(rowptr_t); }

  // A task's rows, which hold in-edges by target, or out-edges by source.
  EdgeRows in(const EdgeTask& task) const { return {task.rowptr, ptr<int32_t>(col), nullptr, count()}; }
  EdgeRows out(const EdgeTask& task) const { return {task.rowptr, ptr<int32_t>(col_t), ptr<int32_t>(order), count()}; }
};

}  // namespace glem
