#include "loops.h"

#include <cstdlib>
#include <cstring>

namespace glem {

static const InstructionSet& choose() {
  const InstructionSet* runnable[4] = {&baseline};
  int count = 1;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    runnable[count++] = &avx2;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl")) {
      runnable[count++] = &avx512;
      if (__builtin_cpu_supports("avx512bf16")) runnable[count++] = &avx512bf16;
    }
  }
#endif
  if (const char* wanted = std::getenv("GLEM_ISA"))
    for (int i = 0; i < count; i++)
      if (!std::strcmp(runnable[i]->name, wanted)) return *runnable[i];
  return *runnable[count - 1];
}

const InstructionSet& instruction_set() {
  static const InstructionSet& chosen = choose();
  return chosen;
}

template <>
const Loops<float>& loops<float>() {
  return instruction_set().f32;
}

template <>
const Loops<bf16>& loops<bf16>() {
  return instruction_set().b16;
}

template <>
const EdgeLoops<float>& edge_loops<float>() {
  return instruction_set().edges_f32;
}

template <>
const EdgeLoops<bf16>& edge_loops<bf16>() {
  return instruction_set().edges_b16;
}

const NormLoops& norm_loops() { return instruction_set().norms; }

}  // namespace glem
