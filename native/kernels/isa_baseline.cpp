// The loops for any machine: vectors of four floats, which every 64-bit processor has.
#define GLEM_ISA baseline
#define GLEM_LANES 4
#include "loops/all.h"
