// The largest of the rows that a matrix's entries name, column by column, and which entry has it.
#pragma once
#include "edge_rows.h"

namespace glem {

struct Maxima {
  Tensor values;   // [n; d], 0 in a row without entries
  Tensor entries;  // [n; d], int32: the first that has the largest; -1 without entries
};

// rowptr : [n + 1], int32   col : [e], int32, or undefined where entry e is row e of x   x : [m; d]
inline Maxima row_maxima(const Tensor& rowptr, const Tensor& col, const Tensor& x) {
  const EdgeTasks tasks = row_tasks(rowptr);
  const int64_t d = x.size(1);
  auto make = [&](int64_t rows) {
    return Maxima{at::empty({rows, d}, x.options()), at::empty({rows, d}, x.options().dtype(at::kInt))};
  };
  Maxima all = make(rowptr.size(0) - 1), pieces = make(tasks.piece_count());
  by_dtype(x, [&](auto t) {
    using T = decltype(t);
    auto largest = [&](EdgeRows rows, const Tensor& of, const Maxima& out, int64_t first, int64_t last, int64_t row) {
      edge_loops<T>().max(rows, ptr<T>(of), ptr<T>(out.values) + row * d, ptr<int32_t>(out.entries) + row * d, first,
                          last, d);
    };
    tasks.for_each([&](const EdgeTask& task) {
      const EdgeRows rows{task.rowptr, ptr<int32_t>(col), nullptr, tasks.entry_count()};
      if (task.piece < 0)
        largest(rows, x, all, task.first, task.last, 0);
      else
        largest(rows, x, pieces, 0, 1, task.piece);
    });
    // A long row's largest is the largest of its pieces', and its entry is that piece's.
    for (const LongRow& row : tasks.long_rows()) {
      const int32_t bounds[2] = {(int32_t)row.first, (int32_t)row.last};
      largest({bounds, nullptr, nullptr, tasks.piece_count()}, pieces.values, all, 0, 1, row.row);
      int32_t* entries = ptr<int32_t>(all.entries) + row.row * d;
      for (int64_t j = 0; j < d; j++) entries[j] = ptr<int32_t>(pieces.entries)[entries[j] * d + j];
    }
  });
  return all;
}

}  // namespace glem
