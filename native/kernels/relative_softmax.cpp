// relative_softmax(scores, to?, from?, lengths, scale, p, seed): attention's probabilities where scores depend on relative
// positions too (DeBERTa, He et al. 2021, equation 4), with dropout on them. Of text b and head h, entry [i][j] is
//   softmax over j < lengths[b] of (scores[i][j] + to[i][j - i + l - 1] + from[j][i - j + l - 1]) / scale
// and 0 where i or j is not below lengths[b].
//   scores : [h; b; l; l]   to, from : [h; b; l; 2 l]   lengths : [b], int64, at most l   result : as scores
#include "operators.h"

namespace glem {

struct RelativeSoftmax : torch::autograd::Function<RelativeSoftmax> {
  // f(first row of the text and head, its length, scratch)
  template <class F>
  static void for_each_square(const Tensor& scores, const Tensor& lengths, F f) {
    const int64_t b = scores.size(1), l = scores.size(2);
    for_each_task(scores.size(0) * b, [&](int64_t task) {
      static thread_local std::vector<float> scratch;
      const size_t floats = loops<float>().relative_softmax_scratch(l);
      if (scratch.size() < floats) scratch.resize(floats);
      f(task * l, ptr<int64_t>(lengths)[task % b], scratch.data());
    });
  }

  static Tensor forward(AutogradContext* ctx, const Tensor& scores_, const optional<Tensor>& to_,
                        const optional<Tensor>& from_, const Tensor& lengths, double scale, double p, int64_t seed) {
    Tensor scores = scores_.contiguous(), to = contiguous(to_), from = contiguous(from_), out = at::zeros_like(scores);
    const int64_t l = scores.size(2);
    Tensor lse = at::empty({scores.size(0), scores.size(1), l}, scores.options().dtype(at::kFloat));
    Dropout drop = make_dropout(p, seed);
    by_dtype(scores, [&](auto t) {
      using T = decltype(t);
      for_each_square(scores, lengths, [&](int64_t row, int64_t length, float* scratch) {
        loops<T>().relative_softmax(ptr<T>(scores) + row * l, to.defined() ? ptr<T>(to) + row * 2 * l : nullptr,
                                    from.defined() ? ptr<T>(from) + row * 2 * l : nullptr, ptr<T>(out) + row * l,
                                    ptr<float>(lse) + row, l, length, (float)(1 / scale), row * l, drop, scratch);
      });
    });
    ctx->save_for_backward({scores, to, from, lengths, lse});
    ctx->saved_data["scale"] = scale;
    ctx->saved_data["p"] = p;
    ctx->saved_data["seed"] = seed;
    return out;
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    auto saved = ctx->get_saved_variables();
    Tensor scores = saved[0], to = saved[1], from = saved[2], lengths = saved[3], lse = saved[4];
    Tensor dout = grads[0].contiguous(), dscores = at::zeros_like(scores), dto, dfrom;
    if (to.defined()) dto = at::zeros_like(to);
    if (from.defined()) dfrom = at::zeros_like(from);
    const int64_t l = scores.size(2);
    const float temperature = (float)(1 / ctx->saved_data["scale"].toDouble());
    Dropout drop = make_dropout(ctx->saved_data["p"].toDouble(), ctx->saved_data["seed"].toInt());
    by_dtype(scores, [&](auto t) {
      using T = decltype(t);
      auto wide = [&](const Tensor& x, int64_t row) { return x.defined() ? ptr<T>(x) + row * 2 * l : nullptr; };
      for_each_square(scores, lengths, [&](int64_t row, int64_t length, float* scratch) {
        loops<T>().relative_softmax_backward(ptr<T>(scores) + row * l, wide(to, row), wide(from, row),
                                             ptr<float>(lse) + row, ptr<T>(dout) + row * l, ptr<T>(dscores) + row * l,
                                             wide(dto, row), wide(dfrom, row), l, length, temperature, row * l, drop,
                                             scratch);
      });
    });
    return {dscores, dto, dfrom, Tensor(), Tensor(), Tensor(), Tensor()};
  }
};

// result[i][j] = x[i][j - i + l - 1], x : [...; l; 2 l]
static Tensor skew(const Tensor& x) {
  const int64_t h = x.size(0), b = x.size(1), l = x.size(2);
  return x.reshape({h, b, 2 * l * l}).narrow(2, l - 1, l * (2 * l - 1)).reshape({h, b, l, 2 * l - 1}).narrow(3, 0, l);
}

static Tensor relative_softmax(const Tensor& scores, const optional<Tensor>& to, const optional<Tensor>& from,
                               const Tensor& lengths_, double scale, double p, int64_t seed) {
  TORCH_CHECK(scores.dim() == 4 && scores.size(2) == scores.size(3) && lengths_.dim() == 1 &&
                  lengths_.size(0) == scores.size(1) && lengths_.scalar_type() == at::kLong,
              "relative_softmax: needs scores [h; b; l; l] and lengths [b], int64, got ", scores.sizes(), ", ",
              lengths_.sizes(), " ", lengths_.scalar_type());
  const int64_t l = scores.size(2);
  for (const optional<Tensor>& x : {to, from})
    TORCH_CHECK(!x.has_value() || (x->dim() == 4 && x->size(0) == scores.size(0) && x->size(1) == scores.size(1) &&
                                   x->size(2) == l && x->size(3) == 2 * l && x->scalar_type() == scores.scalar_type()),
                "relative_softmax: positions must be [h; b; l; 2 l], ", scores.scalar_type());
  if (has_loops(scores)) {
    Tensor lengths = lengths_.to(at::kCPU).contiguous();
    for (int64_t i = 0; i < lengths.size(0); i++) {
      const int64_t length = ptr<int64_t>(lengths)[i];
      TORCH_CHECK(length >= 0 && length <= l, "relative_softmax: lengths[", i, "] is ", length, ", the rows hold ", l);
    }
    return RelativeSoftmax::apply(scores, to, from, lengths, scale, p, seed);
  }
  const auto compute = scores.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  Tensor z = scores.to(compute);
  if (to.has_value()) z = z + skew(to->to(compute));
  if (from.has_value()) z = z + skew(from->to(compute)).transpose(2, 3);
  Tensor within = at::arange(l, lengths_.options()).unsqueeze(0).lt(lengths_.unsqueeze(1)).to(z.device());  // [b; l]
  Tensor rows = within.unsqueeze(2), columns = within.unsqueeze(1);
  z = at::softmax((z / scale).masked_fill(columns.logical_not(), -1e30), -1) * (rows * columns).to(compute);
  if (p > 0) z = z * keep_scales_like(z, p, seed).to(compute);
  return z.to(scores.scalar_type());
}

TORCH_LIBRARY_FRAGMENT(glem, m) {
  m.def(
      "relative_softmax(Tensor scores, Tensor? to, Tensor? from_, Tensor lengths, float scale, float p, int seed) -> "
      "Tensor",
      &relative_softmax);
}

}  // namespace glem
