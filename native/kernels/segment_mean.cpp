// segment_mean(x, cu_seqlens): the mean over each packed sequence; 0 for an empty one.
//   x : [total; d]   cu_seqlens : [b + 1], int32 or int64, from 0 to total   result : [b; d]
#include "operators.h"
#include "sequences.h"

namespace glem {

struct SegmentMean : torch::autograd::Function<SegmentMean> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x_, const Tensor& bounds) {
    Tensor x = x_.contiguous();
    const int64_t d = x.size(1), b = bounds.size(0) - 1;
    const int64_t* at = ptr<int64_t>(bounds);
    Tensor y = at::empty({b, d}, x.options());
    by_dtype(x, [&](auto t) {
      using T = decltype(t);
      for_each_task(b, [&](int64_t s) {
        std::vector<float> scratch(d);
        loops<T>().segment_mean(ptr<T>(x) + at[s] * d, ptr<T>(y) + s * d, at[s + 1] - at[s], d, scratch.data());
      });
    });
    ctx->save_for_backward({bounds});
    return y;
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    Tensor bounds = ctx->get_saved_variables()[0], dy = grads[0].contiguous();
    const int64_t d = dy.size(1), b = bounds.size(0) - 1;
    const int64_t* at = ptr<int64_t>(bounds);
    Tensor dx = at::empty({at[b], d}, dy.options());
    by_dtype(dy, [&](auto t) {
      using T = decltype(t);
      for_each_task(b, [&](int64_t s) {
        loops<T>().segment_mean_backward(ptr<T>(dy) + s * d, ptr<T>(dx) + at[s] * d, at[s + 1] - at[s], d);
      });
    });
    return {dx, Tensor()};
  }
};

static Tensor segment_mean(const Tensor& x, const Tensor& cu_seqlens) {
  TORCH_CHECK(x.dim() == 2, "segment_mean: x must be [total; d], got ", x.sizes());
  Tensor bounds = sequence_bounds(cu_seqlens, x.size(0), "segment_mean");
  if (has_loops(x)) return SegmentMean::apply(x, bounds);
  Tensor lengths = bounds.diff();
  Tensor owner = at::arange(lengths.size(0), lengths.options()).repeat_interleave(lengths).to(x.device());
  Tensor sums = at::zeros({lengths.size(0), x.size(1)}, x.options()).index_add(0, owner, x);
  return sums / lengths.clamp_min(1).to(x.device(), x.scalar_type()).unsqueeze(1);
}

TORCH_LIBRARY_FRAGMENT(glem, m) { m.def("segment_mean(Tensor x, Tensor cu_seqlens) -> Tensor", &segment_mean); }

}  // namespace glem
