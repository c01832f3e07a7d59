// Reductions of runs of rows: row i of the result is of rows cu_seqlens[i] up to cu_seqlens[i + 1] of x.
//   segment_sum, segment_mean: 0 for an empty run   segment_max: column by column; 0 for an empty run; of equal ones the
//   first has the gradient
//   x : [total; d]   cu_seqlens : [b + 1], int32 or int64, from 0 to total   result : [b; d], of x's type
#include "row_maxima.h"
#include "sequences.h"

namespace glem {

struct SegmentSum : torch::autograd::Function<SegmentSum> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x_, const Tensor& bounds, bool mean) {
    Tensor x = x_.contiguous();
    const int64_t d = x.size(1), b = bounds.size(0) - 1;
    const int64_t* at = ptr<int64_t>(bounds);
    Tensor y = at::empty({b, d}, x.options());
    by_dtype(x, [&](auto t) {
      using T = decltype(t);
      sum_rows(RowTasks<int64_t>(at, b), y, [&](const RowTask<int64_t>& task, float* sums) {
        for (int64_t i = task.first; i < task.last; i++)
          loops<T>().segment_sum(ptr<T>(x) + task.rowptr[i] * d, ptr<T>(y) + i * d, sums,
                                 task.rowptr[i + 1] - task.rowptr[i], d, share(at, task.row + i, mean));
      });
    });
    ctx->save_for_backward({bounds});
    ctx->saved_data["mean"] = mean;
    return y;
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    Tensor bounds = ctx->get_saved_variables()[0], dy = grads[0].contiguous();
    const bool mean = ctx->saved_data["mean"].toBool();
    const int64_t d = dy.size(1), b = bounds.size(0) - 1;
    const int64_t* at = ptr<int64_t>(bounds);
    Tensor dx = at::empty({at[b], d}, dy.options());
    by_dtype(dy, [&](auto t) {
      using T = decltype(t);
      RowTasks<int64_t>(at, b).for_each([&](const RowTask<int64_t>& task) {
        for (int64_t i = task.first; i < task.last; i++)
          loops<T>().segment_sum_backward(ptr<T>(dy) + (task.row + i) * d, ptr<T>(dx) + task.rowptr[i] * d,
                                          task.rowptr[i + 1] - task.rowptr[i], d, share(at, task.row + i, mean));
      });
    });
    return {dx, Tensor(), Tensor()};
  }

 private:
  static float share(const int64_t* at, int64_t i, bool mean) {
    const int64_t rows = at[i + 1] - at[i];
    return mean && rows > 0 ? 1.0f / rows : 1.0f;
  }
};

struct SegmentMax : torch::autograd::Function<SegmentMax> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x, const Tensor& bounds) {
    const Maxima maxima = row_maxima(bounds.to(at::kInt), Tensor(), x.contiguous());
    ctx->save_for_backward({maxima.entries});
    ctx->saved_data["total"] = x.size(0);
    return maxima.values;
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    Tensor entries = ctx->get_saved_variables()[0], dy = grads[0].contiguous();
    const int64_t d = dy.size(1);
    Tensor dx = at::zeros({ctx->saved_data["total"].toInt(), d}, dy.options());
    by_dtype(dy, [&](auto t) {
      using T = decltype(t);
      for_each_block(dy.size(0), block_rows, [&](int64_t, int64_t first, int64_t rows) {
        for (int64_t k = first * d; k < (first + rows) * d; k++)
          if (const int64_t e = ptr<int32_t>(entries)[k]; e >= 0) ptr<T>(dx)[e * d + k % d] = ptr<T>(dy)[k];
      });
    });
    return {dx, Tensor()};
  }
};

static Tensor segment_bounds(const Tensor& x, const Tensor& cu_seqlens, const char* who) {
  TORCH_CHECK(x.dim() == 2, who, ": x must be [total; d], got ", x.sizes());
  return sequence_bounds(cu_seqlens, x.size(0), who);
}

// The sums by ATen's operators.
static Tensor plain_segment_sum(const Tensor& x, const Tensor& bounds) {
  Tensor lengths = bounds.diff();
  Tensor owner = at::arange(lengths.size(0), lengths.options()).repeat_interleave(lengths).to(x.device());
  return at::zeros({lengths.size(0), x.size(1)}, x.options()).index_add(0, owner, x);
}

static Tensor segment_sum(const Tensor& x, const Tensor& cu_seqlens) {
  Tensor bounds = segment_bounds(x, cu_seqlens, "segment_sum");
  return has_loops(x) ? SegmentSum::apply(x, bounds, false) : plain_segment_sum(x, bounds);
}

static Tensor segment_mean(const Tensor& x, const Tensor& cu_seqlens) {
  Tensor bounds = segment_bounds(x, cu_seqlens, "segment_mean");
  if (has_loops(x)) return SegmentSum::apply(x, bounds, true);
  return plain_segment_sum(x, bounds) / bounds.diff().clamp_min(1).to(x.device(), x.scalar_type()).unsqueeze(1);
}

static Tensor segment_max(const Tensor& x, const Tensor& cu_seqlens) {
  Tensor bounds = segment_bounds(x, cu_seqlens, "segment_max");
  TORCH_CHECK(has_loops(x) && x.size(0) <= INT32_MAX, "segment_max: x must be float32 or bfloat16 on the CPU, of at most ",
              INT32_MAX, " rows, got ", x.sizes(), ", ", x.scalar_type());
  return SegmentMax::apply(x, bounds);
}

TORCH_LIBRARY_FRAGMENT(glem, m) {
  m.def("segment_sum(Tensor x, Tensor cu_seqlens) -> Tensor", &segment_sum);
  m.def("segment_mean(Tensor x, Tensor cu_seqlens) -> Tensor", &segment_mean);
  m.def("segment_max(Tensor x, Tensor cu_seqlens) -> Tensor", &segment_max);
}

}  // namespace glem
