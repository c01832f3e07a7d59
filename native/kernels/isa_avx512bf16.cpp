// The loops for x86-64-v4 with bfloat16 dot products: Cooper Lake, Sapphire Rapids, Zen 4 and later.
#if defined(__x86_64__)
#pragma GCC target("avx2,fma,bmi,bmi2,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,prefer-vector-width=512")
#define GLEM_ISA avx512bf16
#define GLEM_LANES 16
#define GLEM_BF16_DOTS  // the pragma above does not define __AVX512BF16__ in C++
#include "loops/all.h"
#endif
