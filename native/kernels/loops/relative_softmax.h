// Softmax over scores of contents and of relative positions (DeBERTa, He et al. 2021, equation 4), of one text and head:
// row i of the probabilities is the softmax over j < length of
//   temperature (scores[i][j] + to[i][j - i + l - 1] + from[j][i - j + l - 1])
// scores : [l; l]   to, from : [l; 2l], either may be null.
// Blocks of L rows, so that `from`, whose neighbours in memory are neighbours in i, is read and written as vectors.

// out[i][j] = from[j][first + i - j + l - 1] for L rows i, `width` = length rounded up to L wide. strips : [length; L]
template <class T>
static void gather_from(const T* from, int64_t l, int64_t length, int64_t first, float* strips, float* out,
                        int64_t width) {
  for (int64_t j = 0; j < length; j++) {
    const int64_t at = first - j + l - 1;
    store(strips + j * L, load(from + j * 2 * l + at, 2 * l - at));
  }
  transpose((const uint32_t*)strips, L, length, L, (uint32_t*)out, width);
}

// z[j] = the row's scores, positions included, times the temperature; lanes from length on are -1e30.
template <class T>
GLEM_INLINE vf sum_scores(const T* scores, const T* to, const float* from, float* z, int64_t length,
                          float temperature) {
  vf top = splat(-1e30f);
  for (int64_t j = 0; j < length; j += L) {
    const int64_t n = length - j;
    vf s = load(scores + j, n);
    if (to) s += load(to + j, n);
    if (from) s += load(from + j);
    s = lanes(s * temperature, 0, n, -1e30f);
    store(z + j, s);
    top = max(top, s);
  }
  return top;
}

inline size_t relative_softmax_scratch(int64_t l) { return (size_t)(4 * L + 2) * (l + 3 * L); }

template <class T>
void relative_softmax(const T* scores, const T* to, const T* from, T* out, float* lse, int64_t l, int64_t length,
                      float temperature, int64_t index, Dropout drop, float* scratch) {
  const int64_t width = round_up(length, L);
  float *strips = scratch, *columns = strips + L * width, *z = columns + L * width, *keep = z + width;
  for (int64_t first = 0; first < length; first += L) {
    if (from) gather_from(from, l, length, first, strips, columns, width);
    for (int64_t i = first; i < length && i < first + L; i++) {
      const float* positions = from ? columns + (i - first) * width : nullptr;
      const float peak =
          largest(sum_scores(scores + i * l, to ? to + i * 2 * l + l - 1 - i : nullptr, positions, z, length, temperature));
      vf total{};
      for (int64_t j = 0; j < length; j += L) {
        vf p = lanes(exp(load(z + j) - peak), 0, length - j, 0.0f);
        total += p;
        store(z + j, p);
      }
      const float sum_all = sum(total), norm = 1.0f / sum_all;
      lse[i] = peak + __builtin_logf(sum_all);
      if (drop.threshold) keep_scales(drop, index + i * l, length, keep);
      for (int64_t j = 0; j < length; j += L) {
        vf p = load(z + j) * norm;
        if (drop.threshold) p *= load(keep + j);
        store(out + i * l + j, p, length - j);
      }
    }
  }
}

// The gradients of the three, all 0 before; those of null are not written.
template <class T>
void relative_softmax_backward(const T* scores, const T* to, const T* from, const float* lse, const T* dout, T* dscores,
                               T* dto, T* dfrom, int64_t l, int64_t length, float temperature, int64_t index,
                               Dropout drop, float* scratch) {
  const int64_t width = round_up(length, L);
  float *strips = scratch, *columns = strips + L * width, *slopes = columns + L * width, *z = slopes + L * width,
        *keep = z + width;
  for (int64_t first = 0; first < length; first += L) {
    if (from) gather_from(from, l, length, first, strips, columns, width);
    for (int64_t i = first; i < first + L; i++) {
      float* slope = slopes + (i - first) * width;
      if (i >= length) {
        for (int64_t j = 0; j < width; j += L) store(slope + j, vf{});
        continue;
      }
      const float* positions = from ? columns + (i - first) * width : nullptr;
      sum_scores(scores + i * l, to ? to + i * 2 * l + l - 1 - i : nullptr, positions, z, length, temperature);
      if (drop.threshold) keep_scales(drop, index + i * l, length, keep);
      vf dots{};
      for (int64_t j = 0; j < length; j += L) {
        vf p = lanes(exp(load(z + j) - lse[i]), 0, length - j, 0.0f), dp = load(dout + i * l + j, length - j);
        if (drop.threshold) dp *= load(keep + j);
        dots += p * dp;
        store(z + j, p);
        store(slope + j, dp);
      }
      const float dot = sum(dots);
      for (int64_t j = 0; j < length; j += L) {
        vf dz = load(z + j) * (load(slope + j) - dot) * temperature;
        store(slope + j, dz);
        store(dscores + i * l + j, dz, length - j);
        if (dto) store(dto + i * 2 * l + l - 1 - i + j, dz, length - j);
      }
    }
    if (!dfrom) continue;
    transpose((const uint32_t*)slopes, width, L, length, (uint32_t*)strips, L);
    for (int64_t j = 0; j < length; j++)
      store(dfrom + j * 2 * l + first - j + l - 1, load(strips + j * L), length - first);
  }
}
