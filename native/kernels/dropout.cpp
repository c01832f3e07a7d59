// dropout(x, p, seed): x : any shape, result alike. The mask is a function of (seed, element index) and never stored.
#include "operators.h"

namespace glem {

static Tensor shifted(const Tensor& z, int64_t bits) {
  return z.bitwise_right_shift(bits).bitwise_and((int64_t)((~uint64_t{0}) >> bits));
}

static Tensor mixed(Tensor z) {
  z = z.bitwise_xor(shifted(z, 30)) * (int64_t)0xbf58476d1ce4e5b9u;
  z = z.bitwise_xor(shifted(z, 27)) * (int64_t)0x94d049bb133111ebu;
  return z.bitwise_xor(shifted(z, 31));
}

Tensor keep_scales(const Tensor& index, double p, int64_t seed) {
  Dropout drop = make_dropout(p, seed);
  Tensor word = mixed((shifted(index, 2) + 1) * (int64_t)0x9e3779b97f4a7c15u + (int64_t)drop.key);
  Tensor piece = word.bitwise_right_shift(index.bitwise_and(3) * 16).bitwise_and(0xffff);
  return piece.ge((int64_t)drop.threshold).to(at::kFloat) * drop.scale;
}

Tensor keep_scales_like(const Tensor& x, double p, int64_t seed) {
  return keep_scales(at::arange(x.numel(), x.options().dtype(at::kLong)), p, seed).view(x.sizes());
}

static Tensor dropped(const Tensor& x, double p, int64_t seed) {
  Dropout drop = make_dropout(p, seed);
  Tensor in = x.contiguous(), out = at::empty_like(in);
  by_dtype(in, [&](auto t) {
    using T = decltype(t);
    at::parallel_for(0, in.numel(), 1 << 14, [&](int64_t first, int64_t last) {
      loops<T>().dropout(ptr<T>(in) + first, ptr<T>(out) + first, first, last - first, drop);
    });
  });
  return out;
}

struct DropoutFunction : torch::autograd::Function<DropoutFunction> {
  static Tensor forward(AutogradContext* ctx, const Tensor& x, double p, int64_t seed) {
    ctx->saved_data["p"] = p;
    ctx->saved_data["seed"] = seed;
    return dropped(x, p, seed);
  }
  static variable_list backward(AutogradContext* ctx, variable_list dy) {
    return {dropped(dy[0], ctx->saved_data["p"].toDouble(), ctx->saved_data["seed"].toInt()), Tensor(), Tensor()};
  }
};

static Tensor dropout(const Tensor& x, double p, int64_t seed) {
  if (has_loops(x)) return DropoutFunction::apply(x, p, seed);
  return x * keep_scales_like(x, p, seed).to(x.scalar_type());
}

TORCH_LIBRARY_FRAGMENT(glem, m) { m.def("dropout(Tensor x, float p, int seed) -> Tensor", &dropout); }

}  // namespace glem
