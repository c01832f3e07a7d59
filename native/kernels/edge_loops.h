// The inner loops over a graph's edges that every instruction set fills: rows [first, last). A row's answer, or a piece's
// sums, is written whole by whoever has it, so that it does not depend on the number of threads.
#pragma once
#include <cstdint>

namespace glem {

// A sparse matrix by rows. order is null, or, of a transpose, where an entry lies among the matrix's own.
struct EdgeRows {
  const int32_t *rowptr, *col, *order;
  int64_t edges;
};

// d = heads * width columns. What belongs to an edge is [e; heads], float32; what belongs to a node is T, [.; d]. Where
// `sums` is not null, it gets a single row's sums in float32 in place of y or its like: a piece's, to be added to others.
// scratch is [d + 64].
template <class T>
struct EdgeLoops {
  // y_i = sum of weight_e x_col(e), head by head
  void (*spmm)(EdgeRows a, const float* weight, const T* x, T* y, float* sums, int64_t first, int64_t last,
               int64_t heads, int64_t width);
  // out_e = <target_i, source_col(e)>, head by head
  void (*dot)(EdgeRows a, const T* target, const T* source, float* out, int64_t first, int64_t last, int64_t heads,
              int64_t width, float* scratch);

  // <att, leaky_relu(source_col(e) + target_i)>, head by head; att : [d]
  void (*gatv2_scores)(EdgeRows a, const T* source, const T* target, const float* att, float* out, int64_t first,
                       int64_t last, int64_t heads, int64_t width, float slope, float* scratch);
  // the gradient of the rows' own summand; the columns' is `others`. datt : [d] for these rows, or null
  void (*gatv2_scores_backward)(EdgeRows a, const T* others, const T* own, const float* att, const float* dscore,
                                T* down, float* sums, float* datt, int64_t first, int64_t last, int64_t heads,
                                int64_t width, float slope);

  // y_i = max of x_col(e), column by column, and the first entry that has it; without entries 0, and -1. Without col,
  // entry e is row e of x.
  void (*max)(EdgeRows a, const T* x, T* y, int32_t* arg, int64_t first, int64_t last, int64_t d);
  void (*max_backward)(EdgeRows transpose, const int32_t* arg, const T* dy, T* dx, float* sums, int64_t first,
                       int64_t last, int64_t d);
};

// What has but one number an edge and head, or a node and head.
struct ScoreLoops {
  // tops and totals : [heads] get a single row's largest score (0 where none counts) and sum of powers; or are null.
  // scratch : [heads]
  void (*softmax)(const int32_t* rowptr, const float* score, float* out, int64_t first, int64_t last, int64_t heads,
                  float* tops, float* totals, float* scratch);
  // y *= factors, head by head
  void (*softmax_scale)(float* y, const float* factors, int64_t entries, int64_t heads);

  void (*softmax_backward)(const int32_t* rowptr, const float* y, const float* dy, float* dx, int64_t first,
                           int64_t last, int64_t heads, float* scratch);
  // The same for a row in pieces: totals = sum of y dy, then dx = y (dy - totals), head by head
  void (*softmax_dot)(const float* y, const float* dy, float* totals, int64_t entries, int64_t heads);
  void (*softmax_slope)(const float* y, const float* dy, const float* totals, float* dx, int64_t entries,
                        int64_t heads);

  // leaky_relu(source_col(e) + target_i); source, target : [.; heads]
  void (*gat_scores)(EdgeRows a, const float* source, const float* target, float* out, int64_t first, int64_t last,
                     int64_t heads, float slope);
  // dtarget by the matrix's rows, dsource by its transpose's
  void (*gat_scores_backward)(EdgeRows a, const float* score, const float* dscore, float* dnode, int64_t first,
                              int64_t last, int64_t heads, float slope);
};

}  // namespace glem
