// What the operators of torch.ops.glem share: how a tensor reaches a loop, how work is divided, and the plain ATen path
// that other devices and dtypes take.
#pragma once
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <atomic>

#include "loops.h"

namespace glem {

using at::Tensor;
using c10::optional;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Whether the loops take this tensor. Everything else goes through ATen's own operators, with the same result.
inline bool has_loops(const Tensor& x) {
  return x.device().is_cpu() && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16);
}

template <class T>
T* ptr(const Tensor& x) {
  return x.defined() ? static_cast<T*>(x.data_ptr()) : nullptr;
}

// f(float{}) or f(bf16{}), by the dtype of a tensor that has loops.
template <class F>
void by_dtype(const Tensor& x, F f) {
  if (x.scalar_type() == at::kFloat)
    f(float{});
  else
    f(bf16{});
}

inline uint64_t mix_bits(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

// p is rounded to a multiple of 1/65536, and the scale is that multiple's own, so that the expectation is exact.
inline Dropout make_dropout(double p, int64_t seed) {
  TORCH_CHECK(p >= 0 && p < 1, "dropout: p must be in [0, 1), got ", p);
  uint32_t threshold = std::min<uint32_t>(65535, (uint32_t)(p * 65536 + 0.5));
  return {mix_bits((uint64_t)seed), threshold, 65536.0f / (65536.0f - (float)threshold)};
}

// f(task) for every task, each on the first thread that is free. Tasks write disjoint results, so who runs them is
// invisible in the answer.
template <class F>
void for_each_task(int64_t tasks, F f) {
  std::atomic<int64_t> next{0};
  const int64_t threads = std::min<int64_t>(at::get_num_threads(), tasks);
  at::parallel_for(0, threads, 1, [&](int64_t begin, int64_t end) {
    for (int64_t thread = begin; thread < end; thread++)
      for (int64_t task; (task = next.fetch_add(1, std::memory_order_relaxed)) < tasks;) f(task);
  });
}

// f(block, first row, rows) for blocks of `size` rows: the blocks, and so the partial sums over them, do not depend on
// the number of threads.
template <class F>
void for_each_block(int64_t rows, int64_t size, F f) {
  for_each_task((rows + size - 1) / size,
                [&](int64_t b) { f(b, b * size, std::min(size, rows - b * size)); });
}

// A matrix of at most this many elements is small: an operator that saves memory by doing with blocks of rows what libtorch
// does with the whole leaves it to libtorch, whose bits are then its own.
constexpr int64_t few_elements = 1 << 21;

constexpr int64_t block_rows = 128;

inline int64_t blocks(int64_t rows) { return (rows + block_rows - 1) / block_rows; }

// What dropout multiplies each element by, for int64 element indices of any shape, in float32: the loops' mask by ATen's
// operators.
Tensor keep_scales(const Tensor& index, double p, int64_t seed);

// The same for the elements of a tensor shaped as x, in row-major order.
Tensor keep_scales_like(const Tensor& x, double p, int64_t seed);

inline Tensor contiguous(const optional<Tensor>& x) {
  return x.has_value() && x->defined() ? x->contiguous() : Tensor();
}

}  // namespace glem
