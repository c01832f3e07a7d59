// Where packed sequences begin and end.
#pragma once
#include "operators.h"

namespace glem {

// cu_seqlens as int64 on the CPU, checked: [b + 1], from 0 to total, never falling.
inline Tensor sequence_bounds(const Tensor& cu_seqlens, int64_t total, const char* who) {
  TORCH_CHECK(cu_seqlens.dim() == 1 && cu_seqlens.size(0) >= 1, who, ": cu_seqlens must be [b + 1], got ",
              cu_seqlens.sizes());
  Tensor bounds = cu_seqlens.to(at::kCPU, at::kLong).contiguous();
  const int64_t* at = ptr<int64_t>(bounds);
  const int64_t b = bounds.size(0) - 1;
  TORCH_CHECK(at[0] == 0 && at[b] == total, who, ": cu_seqlens must run from 0 to ", total, ", got ", at[0], " to ",
              at[b]);
  for (int64_t s = 0; s < b; s++)
    TORCH_CHECK(at[s] <= at[s + 1], who, ": cu_seqlens falls from ", at[s], " to ", at[s + 1], " at ", s + 1);
  return bounds;
}

}  // namespace glem
