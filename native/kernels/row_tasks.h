// How a matrix in CSR form is shared out among threads: by its entries, not by its rows, so that one row with most of
// them does not keep all but one thread waiting. The shares depend on the matrix alone, so neither do the answers on the
// number of threads.
#pragma once
#include <algorithm>
#include <vector>

#include "operators.h"

namespace glem {

// Rows [first, last) of `rowptr`, whose row 0 is the matrix's row `row`. That is the matrix itself, row 0 and no piece
// (-1), or one row: a piece of a long row's entries.
template <class Index>
struct RowTask {
  const Index* rowptr;
  int64_t first, last, row, piece, number;
};

// A row of which no task has all: its pieces are numbered from `first` up to `last`.
struct LongRow {
  int64_t row, first, last;
};

template <class Index>
class RowTasks {
 public:
  // Whole rows until a task has about 4096 entries, a row costing its entries and 1; rows of 16384 entries and more
  // are pieces of about 8192.
  RowTasks(const Index* rowptr, int64_t rows) : rowptr(rowptr), entry_count_(rowptr[rows]) {
    const int64_t all = entry_count_ + rows, parts = std::max<int64_t>(1, all / 4096);
    auto boundary = [&](int64_t part) {
      const int64_t work = all / parts * part;
      int64_t low = 0, high = rows;
      while (low < high) {
        const int64_t middle = (low + high) / 2;
        if ((int64_t)rowptr[middle] + middle < work) low = middle + 1; else high = middle;
      }
      return part == parts ? rows : low;
    };
    int64_t first = 0;
    for (int64_t part = 1; part <= parts; part++) {
      const int64_t end = boundary(part);
      // Less than two parts' work is in a part, so that a long row is the last of the part that it begins in.
      for (int64_t row = std::max(first, end - 1); row < end; row++)
        if (rowptr[row + 1] - rowptr[row] >= 2 * piece_entries) {
          add_rows(first, row);
          add_long_row(row);
          first = end;
        }
      add_rows(first, end);
      first = end;
    }
  }

  int64_t count() const { return (int64_t)shares.size(); }
  int64_t entry_count() const { return entry_count_; }
  int64_t piece_count() const { return long_rows_.empty() ? 0 : long_rows_.back().last; }
  const std::vector<LongRow>& long_rows() const { return long_rows_; }

  // f(RowTask) for every task, each on the first thread that is free.
  template <class F>
  void for_each(F f) const {
    for_each_task(count(), [&](int64_t number) {
      const Share& share = shares[number];
      if (share.piece < 0)
        f(RowTask<Index>{rowptr, share.first, share.last, 0, -1, number});
      else
        f(RowTask<Index>{share.bounds, 0, 1, share.first, share.piece, number});
    });
  }

 private:
  static constexpr int64_t piece_entries = 8192;

  struct Share {
    int64_t first, last, piece;
    Index bounds[2];
  };

  void add_rows(int64_t first, int64_t last) {
    if (first < last) shares.push_back({first, last, -1, {}});
  }

  void add_long_row(int64_t row) {
    const int64_t begin = rowptr[row], entries = rowptr[row + 1] - begin, pieces = entries / piece_entries;
    const int64_t from = piece_count();
    for (int64_t piece = 0; piece < pieces; piece++)
      shares.push_back({row, row + 1, from + piece,
                        {(Index)(begin + entries * piece / pieces), (Index)(begin + entries * (piece + 1) / pieces)}});
    long_rows_.push_back({row, from, from + pieces});
  }

  const Index* rowptr;
  int64_t entry_count_;
  std::vector<Share> shares;
  std::vector<LongRow> long_rows_;
};

// Row by row sums, y : [rows; d]: loop(task, sums) writes those of the task's rows to y, or, where `sums` : [d] is not
// null, those of its piece to it, in float32. Pieces are added in their order.
template <class Index, class F>
void sum_rows(const RowTasks<Index>& tasks, const Tensor& y, F loop) {
  const int64_t d = y.size(1);
  Tensor sums = at::empty({tasks.piece_count(), d}, y.options().dtype(at::kFloat));
  tasks.for_each([&](const RowTask<Index>& task) {
    loop(task, task.piece < 0 ? nullptr : ptr<float>(sums) + task.piece * d);
  });
  for (const LongRow& row : tasks.long_rows()) {
    float* total = ptr<float>(sums) + row.first * d;
    for (int64_t piece = row.first + 1; piece < row.last; piece++)
      for (int64_t j = 0; j < d; j++) total[j] += ptr<float>(sums)[piece * d + j];
    y.select(0, row.row).copy_(sums.select(0, row.first));
  }
}

}  // namespace glem
