// embedding_layer_norm(word, position, type, ids, positions, kinds?, weight, ln_bias, p, seed, eps, bfloat16)
//   = dropout(layer_norm(word[ids] + position[positions] + type[kinds])), as BERT's embeddings (Devlin et al. 2019).
//   word : [vocabulary; d]   position : [positions; d]   type : [kinds; d], all float32   ids, positions, kinds : [total],
//   int64; no kinds means all 0   weight, ln_bias : [d]   result : [total; d], bfloat16 when asked for, else float32
#include <cstring>

#include "operators.h"

namespace glem {

// Rows of `grad` summed by index into a zeroed [n; d]: each table row is summed by one thread, in the tokens' order.
static Tensor summed_by(const Tensor& grad, const Tensor& index, int64_t n) {
  const int64_t rows = grad.size(0), d = grad.size(1);
  Tensor table = at::zeros({n, d}, grad.options());
  const int64_t* at = ptr<int64_t>(index);
  std::vector<int32_t> begin(n + 1, 0), order(rows);
  for (int64_t r = 0; r < rows; r++) begin[at[r] + 1]++;
  std::vector<int32_t> used;
  for (int64_t i = 0; i < n; i++) {
    if (begin[i + 1]) used.push_back((int32_t)i);
    begin[i + 1] += begin[i];
  }
  std::vector<int32_t> next(begin.begin(), begin.end() - 1);
  for (int64_t r = 0; r < rows; r++) order[next[at[r]]++] = (int32_t)r;
  const float* g = ptr<float>(grad);
  for_each_block((int64_t)used.size(), 32, [&](int64_t, int64_t first, int64_t count) {
    for (int64_t u = first; u < first + count; u++) {
      float* out = ptr<float>(table) + (int64_t)used[u] * d;
      for (int32_t o = begin[used[u]]; o < begin[used[u] + 1]; o++) {
        const float* in = g + (int64_t)order[o] * d;
        for (int64_t j = 0; j < d; j++) out[j] += in[j];
      }
    }
  });
  return table;
}

struct EmbeddingLayerNorm : torch::autograd::Function<EmbeddingLayerNorm> {
  static Tensor forward(AutogradContext* ctx, const Tensor& word_, const Tensor& position_, const Tensor& type_,
                        const Tensor& ids_, const Tensor& positions_, const optional<Tensor>& kinds_,
                        const Tensor& weight_, const Tensor& ln_bias_, double p, int64_t seed, double eps,
                        bool bfloat16) {
    Tensor word = word_.contiguous(), position = position_.contiguous(), type = type_.contiguous();
    Tensor ids = ids_.contiguous(), positions = positions_.contiguous(), kinds = contiguous(kinds_);
    Tensor weight = weight_.contiguous(), ln_bias = ln_bias_.contiguous();
    const int64_t rows = ids.size(0), d = word.size(1);
    Tensor y = at::empty({rows, d}, word.options().dtype(bfloat16 ? at::kBFloat16 : at::kFloat));
    Tensor mean = at::empty({rows}, word.options()), rstd = at::empty({rows}, word.options());
    Dropout drop = make_dropout(p, seed);
    by_dtype(y, [&](auto t) {
      using T = decltype(t);
      for_each_block(rows, block_rows, [&](int64_t, int64_t first, int64_t n) {
        std::vector<float> scratch(2 * d + 64);
        loops<T>().embedding(ptr<float>(word), ptr<float>(position), ptr<float>(type), ptr<int64_t>(ids) + first,
                             ptr<int64_t>(positions) + first, kinds.defined() ? ptr<int64_t>(kinds) + first : nullptr,
                             ptr<float>(weight), ptr<float>(ln_bias), ptr<T>(y) + first * d, ptr<float>(mean) + first,
                             ptr<float>(rstd) + first, first * d, n, d, (float)eps, drop, scratch.data());
      });
    });
    ctx->save_for_backward({word, position, type, ids, positions, kinds, weight, mean, rstd});
    ctx->saved_data["p"] = p;
    ctx->saved_data["seed"] = seed;
    return y;
  }
  static variable_list backward(AutogradContext* ctx, variable_list grads) {
    auto saved = ctx->get_saved_variables();
    Tensor word = saved[0], position = saved[1], type = saved[2], ids = saved[3], positions = saved[4],
           kinds = saved[5], weight = saved[6], mean = saved[7], rstd = saved[8];
    Tensor dy = grads[0].contiguous();
    const int64_t rows = ids.size(0), d = word.size(1);
    Dropout drop = make_dropout(ctx->saved_data["p"].toDouble(), ctx->saved_data["seed"].toInt());
    Tensor dsum = at::empty({rows, d}, word.options());
    Tensor partial = at::zeros({blocks(rows), 2, d}, word.options());
    by_dtype(dy, [&](auto t) {
      using T = decltype(t);
      for_each_block(rows, block_rows, [&](int64_t block, int64_t first, int64_t n) {
        std::vector<float> scratch(2 * d + 64);
        float* sums = ptr<float>(partial) + block * 2 * d;
        loops<T>().embedding_backward(
            ptr<float>(word), ptr<float>(position), ptr<float>(type), ptr<int64_t>(ids) + first,
            ptr<int64_t>(positions) + first, kinds.defined() ? ptr<int64_t>(kinds) + first : nullptr,
            ptr<float>(weight), ptr<float>(mean) + first, ptr<float>(rstd) + first, ptr<T>(dy) + first * d,
            ptr<float>(dsum) + first * d, sums, sums + d, first * d, n, d, drop, scratch.data());
      });
    });
    Tensor sums = partial.sum(0), none, dtype_table;
    if (kinds.defined())
      dtype_table = summed_by(dsum, kinds, type.size(0));
    else {
      dtype_table = at::zeros_like(type);
      dtype_table[0].copy_(dsum.sum(0));
    }
    return {summed_by(dsum, ids, word.size(0)),
            summed_by(dsum, positions, position.size(0)),
            dtype_table,
            none,
            none,
            none,
            sums[0],
            sums[1],
            none,
            none,
            none,
            none};
  }
};

static void check_index(const Tensor& index, const Tensor& ids, const Tensor& table, const char* name) {
  TORCH_CHECK(index.dim() == 1 && index.sizes() == ids.sizes() && index.scalar_type() == at::kLong,
              "embedding_layer_norm: ", name, " must be [", ids.size(0), "], int64, got ", index.sizes(), ", ",
              index.scalar_type());
  if (!index.device().is_cpu() || index.numel() == 0) return;
  Tensor dense = index.contiguous();
  const int64_t* at = ptr<int64_t>(dense);
  for (int64_t r = 0; r < dense.numel(); r++)
    TORCH_CHECK(at[r] >= 0 && at[r] < table.size(0), "embedding_layer_norm: ", name, "[", r, "] is ", at[r],
                ", the table has ", table.size(0), " rows");
}

static Tensor embedding_layer_norm(const Tensor& word, const Tensor& position, const Tensor& type, const Tensor& ids,
                                   const Tensor& positions, const optional<Tensor>& kinds, const Tensor& weight,
                                   const Tensor& ln_bias, double p, int64_t seed, double eps, bool bfloat16) {
  TORCH_CHECK(ids.dim() == 1, "embedding_layer_norm: ids must be [total], got ", ids.sizes());
  check_index(ids, ids, word, "ids");
  check_index(positions, ids, position, "positions");
  if (kinds.has_value()) check_index(*kinds, ids, type, "kinds");
  const int64_t d = word.size(1);
  for (const Tensor& table : {word, position, type})
    TORCH_CHECK(table.dim() == 2 && table.size(1) == d && table.scalar_type() == word.scalar_type(),
                "embedding_layer_norm: tables must be [n; ", d, "], ", word.scalar_type(), ", got ", table.sizes(), ", ",
                table.scalar_type());
  for (const Tensor& v : {weight, ln_bias})
    TORCH_CHECK(v.dim() == 1 && v.size(0) == d && v.scalar_type() == word.scalar_type(),
                "embedding_layer_norm: weight and ln_bias must be [", d, "], ", word.scalar_type(), ", got ", v.sizes(),
                ", ", v.scalar_type());
  if (has_loops(word) && word.scalar_type() == at::kFloat)
    return EmbeddingLayerNorm::apply(word, position, type, ids, positions, kinds, weight, ln_bias, p, seed, eps,
                                     bfloat16);
  Tensor z = word.index_select(0, ids) + position.index_select(0, positions) +
             (kinds.has_value() ? type.index_select(0, *kinds) : type.narrow(0, 0, 1));
  z = at::layer_norm(z, {d}, weight, ln_bias, eps);
  if (p > 0) z = z * keep_scales_like(z, p, seed).to(z.scalar_type());
  return bfloat16 ? z.to(at::kBFloat16) : z;
}

TORCH_LIBRARY_FRAGMENT(glem, m) {
  m.def(
      "embedding_layer_norm(Tensor word, Tensor position, Tensor type, Tensor ids, Tensor positions, Tensor? kinds, "
      "Tensor weight, Tensor ln_bias, float p, int seed, float eps, bool bfloat16) -> Tensor",
      &embedding_layer_norm);
}

}  // namespace glem
