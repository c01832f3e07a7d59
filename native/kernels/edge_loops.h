// The inner loops over a graph's edges that every instruction set fills: float32, rows [first, last). A row's answer is
// written whole by whoever has the row, so that it does not depend on the number of threads.
#pragma once
#include <cstdint>

namespace glem {

// A sparse matrix by rows. order is null, or, of a transpose, where an entry lies among the matrix's own.
struct EdgeRows {
  const int32_t *rowptr, *col, *order;
  int64_t edges;
};

// d = heads * width columns; weights and scores are [e; heads], scratch is [d + 64] or, for the softmax, [heads].
struct EdgeLoops {
  // y_i = sum of weight_e x_col(e), head by head
  void (*spmm)(EdgeRows a, const float* weight, const float* x, float* y, int64_t first, int64_t last, int64_t heads,
               int64_t width);
  // dweight_e = <dy_i, x_col(e)>, head by head
  void (*dot)(EdgeRows a, const float* dy, const float* x, float* dweight, int64_t first, int64_t last, int64_t heads,
              int64_t width, float* scratch);

  void (*softmax)(const int32_t* rowptr, const float* score, float* out, int64_t first, int64_t last, int64_t heads,
                  float* scratch);
  void (*softmax_backward)(const int32_t* rowptr, const float* y, const float* dy, float* dx, int64_t first,
                           int64_t last, int64_t heads, float* scratch);

  // leaky_relu(source_col(e) + target_i); source, target : [n; heads]
  void (*gat_scores)(EdgeRows a, const float* source, const float* target, float* out, int64_t first, int64_t last,
                     int64_t heads, float slope);
  // dtarget by the matrix's rows, dsource by its transpose's
  void (*gat_scores_backward)(EdgeRows a, const float* score, const float* dscore, float* dnode, int64_t first,
                              int64_t last, int64_t heads, float slope);

  // <att, leaky_relu(source_col(e) + target_i)>, head by head; att : [d]
  void (*gatv2_scores)(EdgeRows a, const float* source, const float* target, const float* att, float* out,
                       int64_t first, int64_t last, int64_t heads, int64_t width, float slope, float* scratch);
  // the gradient of the rows' own summand; the columns' is `others`. datt : [d] for these rows, or null
  void (*gatv2_scores_backward)(EdgeRows a, const float* others, const float* own, const float* att,
                                const float* dscore, float* down, float* datt, int64_t first, int64_t last,
                                int64_t heads, int64_t width, float slope);

  // y_i = max of x_col(e), column by column, and the first entry that has it; without entries 0, and -1
  void (*max)(EdgeRows a, const float* x, float* y, int32_t* arg, int64_t first, int64_t last, int64_t d);
  void (*max_backward)(EdgeRows transpose, const int32_t* arg, const float* dy, float* dx, int64_t first, int64_t last,
                       int64_t d);
};

}  // namespace glem
