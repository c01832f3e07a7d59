// The loops for x86-64-v3: Haswell, Zen and later.
#if defined(__x86_64__)
#pragma GCC target("avx2,fma,bmi,bmi2")
#define GLEM_ISA avx2
#define GLEM_LANES 8
#include "loops/all.h"
#endif
