// attention(qkv, cu_seqlens, heads, p, seed, reach?): softmax(Q K^T / sqrt(dh)) V within each packed sequence, with dropout
// on the probabilities; with a reach, a query sees keys at most that many tokens away. No [t; t] matrix outlives its block: the backward computes the probabilities again.
//   qkv : [total; 3 d], queries then keys then values, heads side by side   cu_seqlens : [b + 1]   result : [total; d]
#include "operators.h"
#include "sequences.h"

namespace glem {

// f(task, scratch) for every sequence and head.
template <class T, class F>
static void for_each_head(const Tensor& bounds, int64_t heads, int64_t width, int64_t reach, F f) {
  const int64_t b = bounds.size(0) - 1;
  const int64_t* at = ptr<int64_t>(bounds);
  int64_t longest = 0;
  for (int64_t s = 0; s < b; s++) longest = std::max(longest, at[s + 1] - at[s]);
  const size_t bytes = loops<T>().attention_scratch(longest, width);
  for_each_task(b * heads, [&](int64_t task) {
    static thread_local std::vector<char> scratch;
    if (scratch.size() < bytes + 64) scratch.resize(bytes + 64);
    const uintptr_t start = ((uintptr_t)scratch.data() + 63) / 64 * 64;
    const int64_t s = task / heads;
    if (at[s + 1] > at[s])
      f(AttentionTask{at[b], at[s], at[s + 1] - at[s], heads, task % heads, width, std::min(reach, at[s + 1] - at[s])},
        (void*)start);
  });
}

struct Attention : torch::autograd::Function<Attention> {
  static Tensor forward(AutogradContext* ctx, const Tensor& qkv_, const Tensor& bounds, int64_t heads, double p,
                        int64_t seed, int64_t reach) {
    Tensor qkv = qkv_.contiguous();
    const int64_t total = qkv.size(0), d = qkv.size(1) / 3;
    Tensor out = at::empty({total, d}, qkv.options());
    Tensor lse = at::empty({heads, total}, qkv.options().dtype(at::kFloat));
    Dropout drop = make_dropout(p, seed);
    by_dtype(qkv, [&](auto t) {
      using T = decltype(t);
      for_each_head<T>(bounds, heads, d / heads, reach, [&](AttentionTask task, void* scratch) {
        loops<T>().attention(ptr<T>(qkv), ptr<T>(out), ptr<float>(lse), task, drop, scratch);
      });
    });
    ctx->save_for_backward({qkv, bounds, out, lse});
    ctx->saved_data["heads"] = heads;
    ctx->saved_data["p"] = p;
    ctx->saved_data["seed"] = seed;
    ctx->saved_data["reach"] = reach;
    return out;
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    auto saved = ctx->get_saved_variables();
    Tensor qkv = saved[0], bounds = saved[1], out = saved[2], lse = saved[3], dout = grads[0].contiguous();
    const int64_t heads = ctx->saved_data["heads"].toInt(), d = out.size(1);
    Dropout drop = make_dropout(ctx->saved_data["p"].toDouble(), ctx->saved_data["seed"].toInt());
    const int64_t reach = ctx->saved_data["reach"].toInt();
    Tensor dqkv = at::empty_like(qkv);
    by_dtype(qkv, [&](auto t) {
      using T = decltype(t);
      for_each_head<T>(bounds, heads, d / heads, reach, [&](AttentionTask task, void* scratch) {
        loops<T>().attention_backward(ptr<T>(qkv), ptr<T>(out), ptr<float>(lse), ptr<T>(dout), ptr<T>(dqkv), task, drop,
                                      scratch);
      });
    });
    return {dqkv, Tensor(), Tensor(), Tensor(), Tensor(), Tensor()};
  }
};

// The same by ATen's operators, one sequence after the other.
static Tensor plain_attention(const Tensor& qkv, const Tensor& bounds, int64_t heads, double p, int64_t seed,
                              int64_t reach) {
  const int64_t total = qkv.size(0), width = qkv.size(1) / 3 / heads, b = bounds.size(0) - 1;
  const int64_t* at = ptr<int64_t>(bounds);
  const auto compute = qkv.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  std::vector<Tensor> outs;
  for (int64_t s = 0; s < b; s++) {
    const int64_t t = at[s + 1] - at[s];
    Tensor parts = qkv.narrow(0, at[s], t).to(compute).view({t, 3, heads, width}).permute({1, 2, 0, 3});
    Tensor scores = at::matmul(parts[0], parts[1].transpose(1, 2)) / std::sqrt((double)width);
    if (reach < t) {
      Tensor place = at::arange(t, qkv.options().dtype(at::kLong));
      scores = scores.masked_fill((place.unsqueeze(1) - place).abs() > reach, -1e30);
    }
    Tensor probabilities = at::softmax(scores, -1);
    if (p > 0) {
      auto longs = qkv.options().dtype(at::kLong);
      Tensor head = at::arange(heads, longs).view({heads, 1, 1}), query = at::arange(t, longs).view({1, t, 1});
      Tensor index = (head * total + at[s] + query) * 65536 + at::arange(t, longs).view({1, 1, t});
      probabilities = probabilities * keep_scales(index, p, seed).to(compute);
    }
    outs.push_back(at::matmul(probabilities, parts[2]).transpose(0, 1).reshape({t, heads * width}));
  }
  return outs.empty() ? at::empty({0, heads * width}, qkv.options()) : at::cat(outs).to(qkv.scalar_type());
}

static Tensor attention(const Tensor& qkv, const Tensor& cu_seqlens, int64_t heads, double p, int64_t seed,
                        optional<int64_t> reach_) {
  TORCH_CHECK(qkv.dim() == 2 && heads > 0 && qkv.size(1) % (3 * heads) == 0,
              "attention: qkv must be [total; 3 d] with d a multiple of ", heads, " heads, got ", qkv.sizes());
  Tensor bounds = sequence_bounds(cu_seqlens, qkv.size(0), "attention");
  const int64_t* at = ptr<int64_t>(bounds);
  for (int64_t s = 0; s + 1 < bounds.size(0); s++)
    TORCH_CHECK(at[s + 1] - at[s] <= 65536, "attention: a sequence may have 65536 tokens, got ", at[s + 1] - at[s]);
  const int64_t width = qkv.size(1) / 3 / heads, reach = reach_.value_or(INT64_MAX);
  TORCH_CHECK(reach >= 0, "attention: reach must be at least 0, got ", reach);
  if (has_loops(qkv) && (qkv.scalar_type() == at::kFloat || width % 2 == 0))
    return Attention::apply(qkv, bounds, heads, p, seed, reach);
  return plain_attention(qkv, bounds, heads, p, seed, reach);
}

TORCH_LIBRARY_FRAGMENT(glem, m) {
  m.def("attention(Tensor qkv, Tensor cu_seqlens, int heads, float p, int seed, int? reach=None) -> Tensor", &attention);
}

}  // namespace glem
