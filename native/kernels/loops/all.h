// Every loop once, for the instruction set that the including file has named.
#include "../loops.h"
#if defined(GLEM_BF16_DOTS)
#include <immintrin.h>
#endif

namespace glem {
namespace {  // so that no two instruction sets' functions are ever merged into one

#include "simd.h"
// the others stand on it
#include "random.h"
#include "gelu.h"
#include "layer_norm.h"
#include "batch_norm.h"
#include "spmm.h"
#include "segments.h"
#include "edges.h"
#include "adamw.h"
#include "attention.h"
#include "cross_entropy.h"
#include "rotary.h"
#include "relative_softmax.h"

template <class T>
constexpr Loops<T> fill() {
  return {dropout<T>,
          bias_gelu<T>,
          bias_gelu_backward<T>,
          dropout_add_layer_norm<T>,
          dropout_add_layer_norm_backward<T>,
          embedding<T>,
          embedding_backward<T>,
          segment_sum<T>,
          segment_sum_backward<T>,
          spmm<int32_t, T>,
          spmm<int64_t, T>,
          attention_scratch<T>,
          attention<T>,
          attention_backward<T>,
          adamw<T>,
          square_sum<T>,
          cross_entropy<T>,
          cross_entropy_backward<T>,
          rotary<T>,
          relative_softmax_scratch,
          relative_softmax<T>,
          relative_softmax_backward<T>};
}

template <class T>
constexpr EdgeLoops<T> fill_edges() {
  return {edge_spmm<T>, edge_dot<T>, gatv2_scores<T>, gatv2_scores_backward<T>, spmm_max<T>, spmm_max_backward<T>};
}

constexpr ScoreLoops score_loops = {edge_softmax,     edge_softmax_scale, edge_softmax_backward, edge_softmax_dot,
                                    edge_softmax_slope, gat_scores,       gat_scores_backward};

constexpr NormLoops norm_table = {column_sums, column_squares, norm_terms,
                                  norm_relu,   norm_relu_sums, norm_relu_backward};
}  // namespace

#define GLEM_TEXT(x) #x
#define GLEM_NAME(x) GLEM_TEXT(x)
extern const InstructionSet GLEM_ISA;
const InstructionSet GLEM_ISA = {GLEM_NAME(GLEM_ISA), fill<float>(), fill<bf16>(), fill_edges<float>(),
                               fill_edges<bf16>(), score_loops, norm_table};
}  // namespace glem
