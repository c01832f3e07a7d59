// The two products over edges, each the other's gradient: sums of rows under weights (SpMM), and dot products of the rows
// at both ends (SDDMM).   weight : [e; heads], float32   rows of x and y : [.; d], d = heads * width, of one type
#pragma once
#include "edge_rows.h"

namespace glem {

// y_i = the sum over the in-edges of i of weight_e x_source(e) : [n; d]; along out-edges to the sources if `transposed`.
inline Tensor edge_sums(const Edges& edges, bool transposed, const Tensor& weight, const Tensor& x) {
  const int64_t heads = weight.size(1), width = x.size(1) / heads;
  Tensor y = at::empty({transposed ? edges.sources() : edges.targets(), x.size(1)}, x.options());
  by_dtype(x, [&](auto t) {
    using T = decltype(t);
    sum_rows(transposed ? edges.by_source() : edges.by_target(), y, [&](const EdgeTask& task, float* sums) {
      edge_loops<T>().spmm(transposed ? edges.out(task) : edges.in(task), ptr<float>(weight), ptr<T>(x), ptr<T>(y), sums,
                           task.first, task.last, heads, width);
    });
  });
  return y;
}

// <target_i, source_j> for every edge j to i, head by head : [e; heads], float32.
inline Tensor edge_dots(const Edges& edges, const Tensor& target, const Tensor& source, int64_t heads) {
  const int64_t d = source.size(1);
  Tensor y = at::empty({edges.count(), heads}, source.options().dtype(at::kFloat));
  by_dtype(source, [&](auto t) {
    using T = decltype(t);
    edges.by_target().for_each([&](const EdgeTask& task) {
      std::vector<float> scratch(d + 64);
      edge_loops<T>().dot(edges.in(task), ptr<T>(target) + task.row * d, ptr<T>(source), ptr<float>(y), task.first,
                          task.last, heads, d / heads, scratch.data());
    });
  });
  return y;
}

}  // namespace glem
