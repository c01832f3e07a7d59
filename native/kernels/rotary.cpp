// rotary(qkv, cosines, sines, heads): queries and keys turned by their rows' angles, values as they are. A head's first
// half a and second half b become a cos - b sin and b cos + a sin.
//   qkv : [t; 3 d], heads w wide side by side   cosines, sines : [t; w / 2], float32   result : as qkv
#include "operators.h"

namespace glem {

static Tensor turned(const Tensor& x_, const Tensor& cosines, const Tensor& sines, int64_t heads, float sign) {
  Tensor x = x_.contiguous(), y = at::empty_like(x);
  const int64_t row = x.size(1), half = cosines.size(1);
  by_dtype(x, [&](auto t) {
    using T = decltype(t);
    for_each_block(x.size(0), block_rows, [&](int64_t, int64_t first, int64_t n) {
      loops<T>().rotary(ptr<T>(x) + first * row, ptr<float>(cosines) + first * half, ptr<float>(sines) + first * half,
                        ptr<T>(y) + first * row, n, heads, 2 * half, sign);
    });
  });
  return y;
}

struct Rotary : torch::autograd::Function<Rotary> {
  static Tensor forward(AutogradContext* ctx, const Tensor& qkv, const Tensor& cosines_, const Tensor& sines_,
                        int64_t heads) {
    Tensor cosines = cosines_.contiguous(), sines = sines_.contiguous();
    ctx->save_for_backward({cosines, sines});
    ctx->saved_data["heads"] = heads;
    return turned(qkv, cosines, sines, heads, 1.0f);
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    auto saved = ctx->get_saved_variables();
    return {turned(grads[0], saved[0], saved[1], ctx->saved_data["heads"].toInt(), -1.0f), Tensor(), Tensor(),
            Tensor()};
  }
};

static Tensor rotary(const Tensor& qkv, const Tensor& cosines, const Tensor& sines, int64_t heads) {
  TORCH_CHECK(qkv.dim() == 2 && heads > 0 && qkv.size(1) % (6 * heads) == 0 && cosines.dim() == 2 &&
                  cosines.size(0) == qkv.size(0) && cosines.size(1) == qkv.size(1) / 6 / heads &&
                  sines.sizes() == cosines.sizes(),
              "rotary: needs qkv [t; 3 d], ", heads, " heads of an even width w, and angles [t; w / 2], got ", qkv.sizes(),
              ", ", cosines.sizes(), ", ", sines.sizes());
  if (has_loops(qkv) && cosines.scalar_type() == at::kFloat && sines.scalar_type() == at::kFloat)
    return Rotary::apply(qkv, cosines, sines, heads);
  const int64_t t = qkv.size(0), half = cosines.size(1);
  Tensor x = qkv.to(at::promote_types(qkv.scalar_type(), at::kFloat)).view({t, 3, heads, 2, half});
  Tensor c = cosines.view({t, 1, 1, half}).to(x.scalar_type()), s = sines.view({t, 1, 1, half}).to(x.scalar_type());
  Tensor a = x.narrow(1, 0, 2).select(3, 0), b = x.narrow(1, 0, 2).select(3, 1);
  Tensor both = at::stack({a * c - b * s, b * c + a * s}, 3);
  return at::cat({both, x.narrow(1, 2, 1)}, 1).view(qkv.sizes()).to(qkv.scalar_type());
}

TORCH_LIBRARY_FRAGMENT(glem, m) {
  m.def("rotary(Tensor qkv, Tensor cosines, Tensor sines, int heads) -> Tensor", &rotary);
}

}  // namespace glem
