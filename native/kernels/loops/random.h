// The dropout's generator: 64 bits for each four elements, by the finaliser of SplitMix64 (Steele, Lea and Flood 2014)
// on a counter, so that any element's mask can be had alone, in any order, on any number of threads.

constexpr uint64_t golden = 0x9e3779b97f4a7c15u;

typedef uint64_t v64 __attribute__((vector_size(4 * GLEM_LANES)));
typedef uint16_t v16 __attribute__((vector_size(4 * GLEM_LANES)));
typedef int16_t v16s __attribute__((vector_size(4 * GLEM_LANES)));
typedef int16_t vhs __attribute__((vector_size(2 * GLEM_LANES)));

template <class U>
GLEM_INLINE U mix(U z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

GLEM_INLINE float keep_one(Dropout drop, uint64_t index) {
  uint64_t word = mix(drop.key + (index / 4 + 1) * golden);
  return ((word >> (16 * (index % 4))) & 0xffff) >= drop.threshold ? drop.scale : 0.0f;
}

// out[i] = what dropout multiplies element first + i by, for i < n. out has room for n rounded up to 2 L.
static void keep_scales(Dropout drop, int64_t first, int64_t n, float* out) {
  int64_t i = 0;
  if (drop.threshold == 0) {
    for (; i < n; i++) out[i] = drop.scale;
    return;
  }
  for (; i < n && (first + i) % 4 != 0; i++) out[i] = keep_one(drop, first + i);
  v64 lane;
  for (int k = 0; k < L / 2; k++) lane[k] = golden * k;
  uint64_t start = drop.key + (uint64_t)((first + i) / 4 + 1) * golden;
  const v16 threshold = v16{} + (uint16_t)drop.threshold;
  const vu scale = (vu)splat(drop.scale);
  // The two halves of a vector of 16-bit lanes are read through memory: a shuffle of this width has no portable name.
  union {
    v16s all;
    vhs half[2];
  } kept;
  for (; i < n; i += 2 * L, start += golden * (L / 2)) {
    kept.all = (v16s)((v16)mix(start + lane) >= threshold);
    store(out + i, (vf)((vu) __builtin_convertvector(kept.half[0], vi) & scale));
    store(out + i + L, (vf)((vu) __builtin_convertvector(kept.half[1], vi) & scale));
  }
}

constexpr int64_t keep_block = 256;  // a multiple of 4 and of 2 L

template <class T>
void dropout(const T* x, T* y, int64_t first, int64_t n, Dropout drop) {
  float keep[keep_block + 2 * L];
  for (int64_t at = 0; at < n; at += keep_block) {
    int64_t m = n - at < keep_block ? n - at : keep_block;
    keep_scales(drop, first + at, m, keep);
    for (int64_t i = 0; i < m; i += L) store(y + at + i, load(x + at + i, m - i) * load(keep + i), m - i);
  }
}
