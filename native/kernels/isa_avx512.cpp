// The loops for x86-64-v4: Skylake-X, Zen 4 and later.
#if defined(__x86_64__)
#pragma GCC target("avx2,fma,bmi,bmi2,avx512f,avx512bw,avx512dq,avx512vl,prefer-vector-width=512")
#define GLEM_ISA avx512
#define GLEM_LANES 16
#include "loops/all.h"
#endif
