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
#include "segment_mean.h"
#include "spmm.h"
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
          segment_mean<T>,
          segment_mean_backward<T>,
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

constexpr EdgeLoops edge_loops = {
    edge_spmm, edge_dot, edge_softmax, edge_softmax_backward, gat_scores, gat_scores_backward,
    gatv2_scores, gatv2_scores_backward, spmm_max, spmm_max_backward};
}  // namespace

#define GLEM_TEXT(x) #x
#define GLEM_NAME(x) GLEM_TEXT(x)
extern const InstructionSet GLEM_ISA;
const InstructionSet GLEM_ISA = {GLEM_NAME(GLEM_ISA), fill<float>(), fill<bf16>(), edge_loops};
}  // namespace glem
