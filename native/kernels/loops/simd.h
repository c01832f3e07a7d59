// Vectors of GLEM_LANES floats, as GCC and Clang write them, with the loads, stores and functions that the loops share.

constexpr int64_t L = GLEM_LANES;

typedef float vf __attribute__((vector_size(4 * GLEM_LANES)));
typedef int32_t vi __attribute__((vector_size(4 * GLEM_LANES)));
typedef uint32_t vu __attribute__((vector_size(4 * GLEM_LANES)));
typedef uint16_t vh __attribute__((vector_size(2 * GLEM_LANES)));
typedef float vf_any __attribute__((vector_size(4 * GLEM_LANES), aligned(4), may_alias));
typedef int32_t vi_any __attribute__((vector_size(4 * GLEM_LANES), aligned(4), may_alias));
typedef uint32_t vu_any __attribute__((vector_size(4 * GLEM_LANES), aligned(4), may_alias));
typedef uint16_t vh_any __attribute__((vector_size(2 * GLEM_LANES), aligned(2), may_alias));

#define GLEM_INLINE static inline __attribute__((always_inline))

GLEM_INLINE vf splat(float x) { return vf{} + x; }

// from, from + 1, ... for from <= 16, out of memory: a vector whose lanes a loop computes is built lane by lane, anew at
// each use.
constexpr int32_t numbers[32] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
                                 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31};
GLEM_INLINE vi count_from(int from) { return *(const vi_any*)(numbers + from); }

GLEM_INLINE vf load(const float* p) { return *(const vf_any*)p; }
GLEM_INLINE void store(float* p, vf x) { *(vf_any*)p = x; }

GLEM_INLINE vf widen(vh x) { return (vf)(__builtin_convertvector(x, vu) << 16); }

// Rounds to nearest even, as ATen does.
GLEM_INLINE vh narrow(vf x) {
#if defined(GLEM_BF16_DOTS)
  return (vh)_mm512_cvtneps_pbh((__m512)x);
#else
  vu bits = (vu)x;
  vu rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  return __builtin_convertvector(x == x ? rounded : (vu{} + 0x7fc0u), vh);
#endif
}

GLEM_INLINE vf load(const bf16* p) { return widen(*(const vh_any*)p); }
GLEM_INLINE void store(bf16* p, vf x) { *(vh_any*)p = narrow(x); }

// The first n < L lanes; the others are 0.
template <class T>
GLEM_INLINE vf load_some(const T* p, int64_t n) {
  T padded[L] = {};
  for (int64_t i = 0; i < n; i++) padded[i] = p[i];
  return load(padded);
}
template <class T>
GLEM_INLINE void store_some(T* p, vf x, int64_t n) {
  T padded[L];
  store(padded, x);
  for (int64_t i = 0; i < n; i++) p[i] = padded[i];
}

// The vector at p when n elements are left there.
template <class T>
GLEM_INLINE vf load(const T* p, int64_t n) {
  return __builtin_expect(n >= L, 1) ? load(p) : load_some(p, n);
}
template <class T>
GLEM_INLINE void store(T* p, vf x, int64_t n) {
  if (__builtin_expect(n >= L, 1))
    store(p, x);
  else
    store_some(p, x, n);
}

GLEM_INLINE vf max(vf a, vf b) { return a > b ? a : b; }
GLEM_INLINE vf min(vf a, vf b) { return a < b ? a : b; }

// Lane i gets lane (i + by) mod L: a shuffle takes its lanes modulo their number.
GLEM_INLINE vf rotate(vf x, int by) { return __builtin_shuffle(x, count_from(by)); }
GLEM_INLINE float sum(vf x) {
#pragma GCC unroll 4
  for (int by = L / 2; by > 0; by /= 2) x += rotate(x, by);
  return x[0];
}
GLEM_INLINE float largest(vf x) {
#pragma GCC unroll 4
  for (int by = L / 2; by > 0; by /= 2) x = max(x, rotate(x, by));
  return x[0];
}

// Lanes below `from` and from `to` on become `other`.
GLEM_INLINE vf lanes(vf x, int64_t from, int64_t to, float other) {
  if (__builtin_expect(from <= 0 && to >= L, 1)) return x;
  const vi lane = count_from(0);
  const vi low = vi{} + (int32_t)(from < L ? from : L), high = vi{} + (int32_t)(to < 0 ? 0 : to < L ? to : L);
  vf within = lane < high ? x : splat(other);
  return lane >= low ? within : splat(other);
}

// e^x to 1.5 units in the last place: x = k ln 2 + r with |r| <= ln 2 / 2, then the Taylor polynomial of degree 7.
GLEM_INLINE vf exp(vf x) {
  x = min(max(x, splat(-87.0f)), splat(88.0f));
  const float round = 12582912.0f;  // 1.5 * 2^23: adding it leaves the nearest integer in the low bits
  vf shifted = x * 1.44269504f + round;
  vf k = shifted - round;
  vf r = x - k * 0.693359375f - k * -2.12194440e-4f;
  vf e = splat(1.0f / 5040);
  e = e * r + 1.0f / 720;
  e = e * r + 1.0f / 120;
  e = e * r + 1.0f / 24;
  e = e * r + 1.0f / 6;
  e = e * r + 0.5f;
  e = e * r + 1.0f;
  e = e * r + 1.0f;
  return (vf)((vu)e + ((vu)shifted << 23));
}
