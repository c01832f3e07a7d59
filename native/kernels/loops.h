// The table of inner loops that every instruction set fills. Plain pointers and sizes only: a loop compiled for AVX-512
// must not leave an inline function of the C++ library in the program that a plain machine could then be given.
#pragma once
#include <cstddef>
#include <cstdint>

#include "edge_loops.h"

namespace glem {

// A bfloat16's bits: the upper half of a float's.
struct bf16 {
  uint16_t bits;
};

// Which elements a dropout keeps, and what it multiplies them by: element i is kept when the 16 bits (i mod 4) of
// hash(key, i / 4) are at least `threshold`. threshold 0 keeps all. random.h holds the hash.
struct Dropout {
  uint64_t key;
  uint32_t threshold;
  float scale;
};

// Packed sequences for attention: rows [start, start + length) of qkv : [total; 3d], one head of width `width` at column
// `head * width`; a query sees keys at most `reach` away, which is at most the length. The element index of the dropout is ((head * total + query row) << 16) + key position.
struct AttentionTask {
  int64_t total, start, length, heads, head, width, reach;
};

// What one update multiplies by. rest1 is 1 - beta1 rounded once: 1.0f - 0.999f is off by 1e-5 of itself.
struct AdamW {
  float lr_corrected, decay, beta1, rest1, beta2, rest2, eps, correction2_root, grad_scale;
};

// Whose weight an entry of a sparse matrix has: one of its own, or its row's or column's.
enum class WeightOf { entry, row, column };

template <class T>
struct Loops {
  // y = x * keep / (1 - p) for elements first .. first + n
  void (*dropout)(const T* x, T* y, int64_t first, int64_t n, Dropout drop);

  // y = gelu(x + bias), rows of width d
  void (*bias_gelu)(const T* x, const float* bias, T* y, int64_t rows, int64_t d);
  // dx = dy * gelu'(x + bias); dbias : [d] gets the sum over these rows added
  void (*bias_gelu_backward)(const T* x, const float* bias, const T* dy, T* dx, float* dbias, int64_t rows, int64_t d);

  // y = layer_norm(residual + dropout(x + bias)); mean and rstd : [rows]. `first` is the index of row 0 in the tensor.
  // bias may be null. scratch : [2 d].
  void (*dropout_add_layer_norm)(const T* x, const float* bias, const T* residual, const float* weight,
                                 const float* ln_bias, T* y, float* mean, float* rstd, int64_t first, int64_t rows,
                                 int64_t d, float eps, Dropout drop, float* scratch);
  // dweight, dln_bias, dbias : [d] get sums added; dbias may be null. scratch : [3 d].
  void (*dropout_add_layer_norm_backward)(const T* x, const float* bias, const T* residual, const float* weight,
                                          const float* mean, const float* rstd, const T* dy, T* dx, T* dresidual,
                                          float* dweight, float* dln_bias, float* dbias, int64_t first, int64_t rows,
                                          int64_t d, Dropout drop, float* scratch);

  // y = dropout(layer_norm(word[id] + position[at] + type[kind])). kinds may be null: all 0.
  void (*embedding)(const float* word, const float* position, const float* type, const int64_t* ids,
                    const int64_t* positions, const int64_t* kinds, const float* weight, const float* ln_bias, T* y,
                    float* mean, float* rstd, int64_t first, int64_t rows, int64_t d, float eps, Dropout drop,
                    float* scratch);
  // dsum : [rows; d] is the gradient of the sum of the three rows
  void (*embedding_backward)(const float* word, const float* position, const float* type, const int64_t* ids,
                             const int64_t* positions, const int64_t* kinds, const float* weight, const float* mean,
                             const float* rstd, const T* dy, float* dsum, float* dweight, float* dln_bias,
                             int64_t first, int64_t rows, int64_t d, Dropout drop, float* scratch);

  // y = the sum of `rows` rows times share, and back; sums as in edge_loops.h
  void (*segment_sum)(const T* x, T* y, float* sums, int64_t rows, int64_t d, float share);
  void (*segment_sum_backward)(const T* dy, T* dx, int64_t rows, int64_t d, float share);

  // rows [first, last) of y = A x for A in CSR form; weight may be null: all 1. sums as in edge_loops.h
  void (*spmm32)(const int32_t* rowptr, const int32_t* col, const float* weight, WeightOf of, const T* x, T* y,
                 float* sums, int64_t first, int64_t last, int64_t d);
  void (*spmm64)(const int64_t* rowptr, const int64_t* col, const float* weight, WeightOf of, const T* x, T* y,
                 float* sums, int64_t first, int64_t last, int64_t d);

  // bytes of scratch that the two calls below need for a sequence of this length
  size_t (*attention_scratch)(int64_t length, int64_t width);
  // out : [total; d]; lse : [heads; total], the log of each softmax's denominator
  void (*attention)(const T* qkv, T* out, float* lse, AttentionTask task, Dropout drop, void* scratch);
  void (*attention_backward)(const T* qkv, const T* out, const float* lse, const T* dout, T* dqkv, AttentionTask task,
                             Dropout drop, void* scratch);

  // one AdamW update; g is T; shadow may be null
  void (*adamw)(float* p, const T* g, float* m, float* v, bf16* shadow, int64_t n, AdamW step);
  // sum of squares in double
  double (*square_sum)(const T* g, int64_t n);

  // rows of c logits: loss : [rows], lse - (logits + bias)[truth]; lse : [rows], the log of each softmax's denominator
  void (*cross_entropy)(const T* logits, const float* bias, const int64_t* truth, float* loss, float* lse, int64_t rows,
                        int64_t c);
  // dlogits = (softmax - [truth]) * scale; dbias : [c] gets sums added
  void (*cross_entropy_backward)(const T* logits, const float* bias, const int64_t* truth, const float* lse, T* dlogits,
                                 float* dbias, int64_t rows, int64_t c, float scale);

  // y = x : [rows; 3 heads width] with queries and keys turned by the rows' angles : [rows; width / 2], or back where sign
  // is -1
  void (*rotary)(const T* x, const float* cosines, const float* sines, T* y, int64_t rows, int64_t heads, int64_t width,
                 float sign);

  // floats of scratch that the two calls below need for rows of l
  size_t (*relative_softmax_scratch)(int64_t l);
  // scores, out : [l; l]; to, from : [l; 2l], may be null; lse : [l]. `index` is the first element's, for the dropout. Rows
  // and columns from `length` on are not touched.
  void (*relative_softmax)(const T* scores, const T* to, const T* from, T* out, float* lse, int64_t l, int64_t length,
                           float temperature, int64_t index, Dropout drop, float* scratch);
  // dscores, dto and dfrom are 0 before
  void (*relative_softmax_backward)(const T* scores, const T* to, const T* from, const float* lse, const T* dout,
                                    T* dscores, T* dto, T* dfrom, int64_t l, int64_t length, float temperature,
                                    int64_t index, Dropout drop, float* scratch);
};

// Batch normalisation with ReLU over rows of d columns: y = relu(x * slope + shift). What is called sums gets those of these
// rows added, column by column.
struct NormLoops {
  void (*sums)(const float* x, double* sums, int64_t rows, int64_t d);
  // of (x - mean)^2
  void (*squares)(const float* x, const float* mean, double* sums, int64_t rows, int64_t d);
  // slope = rstd * weight, shift = bias - mean * slope
  void (*terms)(const float* mean, const float* rstd, const float* weight, const float* bias, float* slope,
                float* shift, int64_t d);
  void (*forward)(const float* x, const float* slope, const float* shift, float* y, int64_t rows, int64_t d);
  // of g, which is dy where the ReLU let it through, and of (x - mean) g
  void (*gradient_sums)(const float* x, const float* dy, const float* mean, const float* slope, const float* shift,
                        double* gradients, double* products, int64_t rows, int64_t d);
  // dx = (g - average - (x - mean) * tilt) * rstd * weight
  void (*backward)(const float* x, const float* dy, const float* mean, const float* slope, const float* shift,
                   const float* weight, const float* rstd, const float* average, const float* tilt, float* dx,
                   int64_t rows, int64_t d);
};

// An instruction set's name and its loops.
struct InstructionSet {
  const char* name;
  Loops<float> f32;
  Loops<bf16> b16;
  EdgeLoops<float> edges_f32;
  EdgeLoops<bf16> edges_b16;
  ScoreLoops scores;
  NormLoops norms;
};

extern const InstructionSet baseline;
#if defined(__x86_64__)
extern const InstructionSet avx2, avx512, avx512bf16;
#endif

// The best one that this machine runs; GLEM_ISA=baseline|avx2|avx512|avx512bf16 asks for a lesser one.
const InstructionSet& instruction_set();

template <class T>
const Loops<T>& loops();

template <class T>
const EdgeLoops<T>& edge_loops();

const NormLoops& norm_loops();

}  // namespace glem
