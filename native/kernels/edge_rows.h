// How the operators over a graph's edges read their arguments and share out the rows.
#pragma once
#include "operators.h"

namespace glem {

inline const EdgeLoops& edge_loops() { return instruction_set().edges; }

// Ranges of rows of about equal work, a row costing its entries and 1. They depend on the matrix alone.
inline int64_t row_tasks(int64_t rows, int64_t edges) {
  return std::max<int64_t>(1, std::min<int64_t>(rows, (edges + rows) / 4096));
}

// f(task, first row, last row) for every range.
template <class F>
void for_row_tasks(const int32_t* rowptr, int64_t rows, F f) {
  const int64_t edges = rowptr[rows], tasks = row_tasks(rows, edges);
  auto boundary = [&](int64_t task) {
    const int64_t work = (edges + rows) / tasks * task;
    int64_t low = 0, high = rows;
    while (low < high) {
      const int64_t middle = (low + high) / 2;
      if ((int64_t)rowptr[middle] + middle < work) low = middle + 1; else high = middle;
    }
    return task == tasks ? rows : low;
  };
  for_each_task(tasks, [&](int64_t task) { f(task, boundary(task), boundary(task + 1)); });
}

inline void check_rows(const char* op, const Tensor& rowptr) {
  TORCH_CHECK(rowptr.dim() == 1 && rowptr.size(0) >= 1 && rowptr.scalar_type() == at::kInt && rowptr.device().is_cpu(),
              op, ": needs rowptr [n + 1], int32, on the CPU, got ", rowptr.sizes(), ", ", rowptr.scalar_type());
}

// What is [rows; columns] in float32 on the CPU; a negative number of columns is any.
inline void check_matrix(const char* op, const char* name, const Tensor& x, int64_t rows, int64_t columns) {
  TORCH_CHECK(x.dim() == 2 && x.size(0) == rows && (columns < 0 || x.size(1) == columns) &&
                  x.scalar_type() == at::kFloat && x.device().is_cpu(),
              op, ": ", name, " must be [", rows, "; ", columns < 0 ? "d" : std::to_string(columns),
              "], float32, on the CPU, got ", x.sizes(), ", ", x.scalar_type());
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
  EdgeRows rows() const { return {ptr<int32_t>(rowptr), ptr<int32_t>(col), nullptr, count()}; }
  EdgeRows transpose() const { return {ptr<int32_t>(rowptr_t), ptr<int32_t>(col_t), ptr<int32_t>(order), count()}; }
};

template <class F>
void for_row_tasks(const EdgeRows& a, const Tensor& rowptr, F f) {
  for_row_tasks(a.rowptr, rowptr.size(0) - 1, f);
}

}  // namespace glem
