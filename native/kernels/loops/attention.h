// Attention over one packed sequence and one head, forward and backward (Vaswani et al. 2017; the recomputation is that of
// Dao et al. 2022, in blocks of queries against all keys, which fit the second-level cache up to a few thousand keys).
//
// Everything is a product of 32-bit words: a word is one float, or two bfloat16 neighbours in the dimension summed over.
// One micro-kernel then serves both, and only its multiply-add differs.

template <class T>
constexpr int64_t group = 4 / sizeof(T);  // elements in a word

GLEM_INLINE int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

GLEM_INLINE vf multiply_add(vf c, vu a, vu b, float) { return c + (vf)a * (vf)b; }
GLEM_INLINE vf multiply_add(vf c, vu a, vu b, bf16) {
#if defined(GLEM_BF16_DOTS)
  return (vf)_mm512_dpbf16_ps((__m512)c, (__m512bh)a, (__m512bh)b);
#else
  c += (vf)(a << 16) * (vf)(b << 16);
  return c + (vf)(a & 0xffff0000u) * (vf)(b & 0xffff0000u);
#endif
}

// C[m][n] (+)= sum over k of A[m][k] B[k][n], for M rows and N vectors of columns. A's words lie at m * a_row + k * a_k.
template <class T, int M, int N>
static void tile(int64_t K, const uint32_t* A, int64_t a_row, int64_t a_k, const uint32_t* B, int64_t b_row, float* C,
                 int64_t c_row, bool accumulate) {
  vf c[M][N];
  for (int m = 0; m < M; m++)
    for (int n = 0; n < N; n++) c[m][n] = accumulate ? load(C + m * c_row + n * L) : vf{};
  for (int64_t k = 0; k < K; k++) {
    vu b[N];
    for (int n = 0; n < N; n++) b[n] = *(const vu_any*)(B + k * b_row + n * L);
    for (int m = 0; m < M; m++) {
      vu a = vu{} + A[m * a_row + k * a_k];
      for (int n = 0; n < N; n++) c[m][n] = multiply_add(c[m][n], a, b[n], T{});
    }
  }
  for (int m = 0; m < M; m++)
    for (int n = 0; n < N; n++) store(C + m * c_row + n * L, c[m][n]);
}

// The widest tile whose sums fit the registers: 24 of 32 with AVX-512, 8 of 16 without. Where bfloat16 has no dot
// product, its unpacked halves need some too.
#if defined(GLEM_BF16_DOTS)
constexpr bool bf16_dots = true;
#else
constexpr bool bf16_dots = false;
#endif
template <class T>
constexpr int tile_rows = L == 16 && (sizeof(T) == 4 || bf16_dots) ? 6 : 4;
constexpr int tile_vectors = L == 16 ? 4 : 2;

template <class T, int N>
static void tile_column(int64_t M, int64_t K, const uint32_t* A, int64_t a_row, int64_t a_k, const uint32_t* B,
                        int64_t b_row, float* C, int64_t c_row, bool accumulate) {
  int64_t m = 0;
  for (; m + tile_rows<T> <= M; m += tile_rows<T>)
    tile<T, tile_rows<T>, N>(K, A + m * a_row, a_row, a_k, B, b_row, C + m * c_row, c_row, accumulate);
  for (; m + 2 <= M; m += 2) tile<T, 2, N>(K, A + m * a_row, a_row, a_k, B, b_row, C + m * c_row, c_row, accumulate);
  if (m < M) tile<T, 1, N>(K, A + m * a_row, a_row, a_k, B, b_row, C + m * c_row, c_row, accumulate);
}

// N, B's and C's columns, is a multiple of L.
template <class T>
static void multiply(int64_t M, int64_t N, int64_t K, const uint32_t* A, int64_t a_row, int64_t a_k, const uint32_t* B,
                     int64_t b_row, float* C, int64_t c_row, bool accumulate) {
  int64_t n = 0;
  for (; n + tile_vectors * L <= N; n += tile_vectors * L)
    tile_column<T, tile_vectors>(M, K, A, a_row, a_k, B + n, b_row, C + n, c_row, accumulate);
  for (; n + 2 * L <= N; n += 2 * L)
    tile_column<T, 2>(M, K, A, a_row, a_k, B + n, b_row, C + n, c_row, accumulate);
  for (; n < N; n += L) tile_column<T, 1>(M, K, A, a_row, a_k, B + n, b_row, C + n, c_row, accumulate);
}

typedef uint32_t quad __attribute__((vector_size(16)));
typedef uint32_t quad_any __attribute__((vector_size(16), aligned(4), may_alias));

// out[k][j] = word k of row j, for `words` words and `rows` rows `stride` words apart; out's rows are `width` words, a
// multiple of 4, the ones past `rows` 0.
static void transpose(const uint32_t* in, int64_t stride, int64_t rows, int64_t words, uint32_t* out, int64_t width) {
  int64_t j = 0;
  for (; j + 4 <= rows; j += 4) {
    const uint32_t* r = in + j * stride;
    int64_t k = 0;
    for (; k + 4 <= words; k += 4) {
      quad a = *(const quad_any*)(r + k), b = *(const quad_any*)(r + stride + k);
      quad c = *(const quad_any*)(r + 2 * stride + k), d = *(const quad_any*)(r + 3 * stride + k);
      quad ab = __builtin_shuffle(a, b, quad{0, 4, 1, 5}), ab2 = __builtin_shuffle(a, b, quad{2, 6, 3, 7});
      quad cd = __builtin_shuffle(c, d, quad{0, 4, 1, 5}), cd2 = __builtin_shuffle(c, d, quad{2, 6, 3, 7});
      *(quad_any*)(out + k * width + j) = __builtin_shuffle(ab, cd, quad{0, 1, 4, 5});
      *(quad_any*)(out + (k + 1) * width + j) = __builtin_shuffle(ab, cd, quad{2, 3, 6, 7});
      *(quad_any*)(out + (k + 2) * width + j) = __builtin_shuffle(ab2, cd2, quad{0, 1, 4, 5});
      *(quad_any*)(out + (k + 3) * width + j) = __builtin_shuffle(ab2, cd2, quad{2, 3, 6, 7});
    }
    for (; k < words; k++)
      for (int64_t i = 0; i < 4; i++) out[k * width + j + i] = r[i * stride + k];
  }
  for (int64_t k = 0; j < width && k < words; k++)
    for (int64_t i = j; i < width; i++) out[k * width + i] = i < rows ? in[i * stride + k] : 0;
}

// Words that run down the columns: out[k][c] = elements group * k .. of column c, of `rows` rows of `columns` elements
// `stride` elements apart; out's rows are `width` words, the ones past `columns` 0.
GLEM_INLINE void column_words(const float* in, int64_t stride, int64_t rows, int64_t columns, uint32_t* out,
                              int64_t width) {
  for (int64_t k = 0; k < rows; k++)
    for (int64_t c = 0; c < width; c += L) store((float*)out + k * width + c, load(in + k * stride + c, columns - c));
}
GLEM_INLINE vu bits(const bf16* p, int64_t n) { return (vu)load(p, n) >> 16; }
GLEM_INLINE void column_words(const bf16* in, int64_t stride, int64_t rows, int64_t columns, uint32_t* out,
                              int64_t width) {
  for (int64_t k = 0; k < rows; k += 2)
    for (int64_t c = 0; c < width; c += L) {
      const bf16* p = in + k * stride + c;
      vu low = bits(p, columns - c), high = k + 1 < rows ? bits(p + stride, columns - c) : vu{};
      *(vu_any*)(out + k / 2 * width + c) = low | (high << 16);
    }
}

// A finished block of rows of products, times `scale`, to its place.
template <class T>
GLEM_INLINE void put_row(const float* from, T* to, int64_t n, float scale) {
  for (int64_t c = 0; c < n; c += L) store(to + c, load(from + c) * scale, n - c);
}

constexpr int64_t query_block = 48;  // a multiple of every tile_rows and of 2

struct AttentionShape {
  int64_t keys, columns, key_words, width_words;  // length and width rounded up to L; their words
};

template <class T>
GLEM_INLINE AttentionShape attention_shape(int64_t length, int64_t width) {
  return {round_up(length, L), round_up(width, L), round_up(length, group<T>) / group<T>, width / group<T>};
}

template <class T>
size_t attention_scratch(int64_t length, int64_t width) {
  AttentionShape s = attention_shape<T>(length, width);
  int64_t words = 2 * s.width_words * s.keys      // keys and values, transposed
                  + s.key_words * s.columns       // one of them down its columns
                  + 5 * query_block * s.keys      // scores, their gradients, and these as words
                  + 3 * query_block * s.columns   // products; queries and their gradients as words
                  + 2 * s.keys * s.columns        // gradients of keys and values
                  + s.keys + 2 * L;               // one row's dropout
  return (size_t)words * 4;
}

// The keys that a block of queries sees, [first, first + count), and those that its i-th query sees, counted from there.
// `first` is a multiple of L, so that vectors of keys stay within their rows.
struct Window {
  int64_t first, count, query, reach;
  int64_t from(int64_t i) const { return query + i - reach - first < 0 ? 0 : query + i - reach - first; }
  int64_t to(int64_t i) const { return query + i + reach + 1 - first < count ? query + i + reach + 1 - first : count; }
};

GLEM_INLINE Window window(AttentionTask task, int64_t query, int64_t rows) {
  const int64_t first = query < task.reach ? 0 : (query - task.reach) / L * L;
  const int64_t end = query + rows + task.reach < task.length ? query + rows + task.reach : task.length;
  return {first, end - first, query, task.reach};
}

template <class T>
void attention(const T* qkv, T* out, float* lse, AttentionTask task, Dropout drop, void* scratch) {
  const int64_t t = task.length, dh = task.width, d = task.heads * dh;
  const AttentionShape s = attention_shape<T>(t, dh);
  const int64_t stride = 3 * d, stride_words = stride / group<T>;
  const float temperature = 1.0f / __builtin_sqrtf((float)dh);
  const T* q = qkv + task.start * stride + task.head * dh;
  const T *k = q + d, *v = k + d;
  out += task.start * d + task.head * dh;
  lse += task.head * task.total + task.start;

  uint32_t* keys = (uint32_t*)scratch;
  uint32_t* values = keys + s.width_words * s.keys;
  float* scores = (float*)(values + s.key_words * s.columns);
  float* product = scores + query_block * s.keys;
  float* keep = product + query_block * s.columns;
  transpose((const uint32_t*)k, stride_words, t, s.width_words, keys, s.keys);
  column_words(v, stride, t, dh, values, s.columns);

  for (int64_t first = 0; first < t; first += query_block) {
    const int64_t rows = t - first < query_block ? t - first : query_block;
    const Window seen = window(task, first, rows);
    const int64_t columns = round_up(seen.count, L);
    multiply<T>(rows, columns, s.width_words, (const uint32_t*)(q + first * stride), stride_words, 1, keys + seen.first,
                s.keys, scores, s.keys, false);
    // Row by row, but one short loop after the other: the processor then works on several rows at once.
    float peaks[query_block], sums[query_block], norm[query_block];
    for (int64_t i = 0; i < rows; i++) {
      float* row = scores + i * s.keys;
      for (int64_t j = 0; j < seen.from(i); j++) row[j] = -1e30f;
      for (int64_t j = seen.to(i); j < columns; j++) row[j] = -1e30f;
      vf top = load(row);
      for (int64_t j = L; j < columns; j += L) top = max(top, load(row + j));
      peaks[i] = largest(top) * temperature;
    }
    for (int64_t i = 0; i < rows; i++) {
      float* row = scores + i * s.keys;
      const float peak = peaks[i];
      if (drop.threshold)
        keep_scales(drop, ((task.head * task.total + task.start + first + i) << 16) + seen.first, seen.count, keep);
      vf total{};
      T* probabilities = (T*)row;  // written over the scores, never ahead of them
      for (int64_t j = 0; j < columns; j += L) {
        vf p = exp(load(row + j) * temperature - peak);  // for keys unseen e^-87, which no sum sees
        total += p;
        if (drop.threshold) p *= load(keep + j);
        store(probabilities + j, p);
      }
      sums[i] = sum(total);
    }
    for (int64_t i = 0; i < rows; i++) {
      norm[i] = 1.0f / sums[i];
      lse[first + i] = peaks[i] + __builtin_logf(sums[i]);
    }
    multiply<T>(rows, s.columns, round_up(seen.count, group<T>) / group<T>, (const uint32_t*)scores, s.keys, 1,
                values + seen.first / group<T> * s.columns, s.columns, product, s.columns, false);
    for (int64_t i = 0; i < rows; i++) put_row(product + i * s.columns, out + (first + i) * d, dh, norm[i]);
  }
}

// Two rows of float32 become one row of words down the columns (or stay themselves).
GLEM_INLINE vu pair(vf low, vf high, bf16) {
  return __builtin_convertvector(narrow(low), vu) | (__builtin_convertvector(narrow(high), vu) << 16);
}
GLEM_INLINE vu pair(vf low, vf, float) { return (vu)low; }

template <class T>
void attention_backward(const T* qkv, const T* out, const float* lse, const T* dout, T* dqkv, AttentionTask task,
                        Dropout drop, void* scratch) {
  const int64_t t = task.length, dh = task.width, d = task.heads * dh;
  const AttentionShape s = attention_shape<T>(t, dh);
  const int64_t stride = 3 * d, stride_words = stride / group<T>;
  const float temperature = 1.0f / __builtin_sqrtf((float)dh);
  const int64_t origin = task.start * stride + task.head * dh;
  const T *q = qkv + origin, *k = q + d, *v = k + d;
  T *dq = dqkv + origin, *dk = dq + d, *dv = dk + d;
  out += task.start * d + task.head * dh;
  dout += task.start * d + task.head * dh;
  lse += task.head * task.total + task.start;

  uint32_t* keys = (uint32_t*)scratch;                          // [width_words; keys]
  uint32_t* values = keys + s.width_words * s.keys;             // [width_words; keys]
  uint32_t* keys_down = values + s.width_words * s.keys;        // [key_words; columns]
  float* scores = (float*)(keys_down + s.key_words * s.columns);
  float* dscores = scores + query_block * s.keys;
  uint32_t* p_down = (uint32_t*)(dscores + query_block * s.keys);  // [rows / group; keys]
  uint32_t* ds_down = p_down + query_block * s.keys;               // [rows / group; keys]
  T* ds = (T*)(ds_down + query_block * s.keys);                    // [rows; keys]
  float* product = (float*)ds + query_block * s.keys;              // [rows; columns]
  uint32_t* q_down = (uint32_t*)(product + query_block * s.columns);
  uint32_t* dout_down = q_down + query_block * s.columns;
  float* dkeys = (float*)(dout_down + query_block * s.columns);  // [length; columns]
  float* dvalues = dkeys + s.keys * s.columns;
  float* keep = dvalues + s.keys * s.columns;

  transpose((const uint32_t*)k, stride_words, t, s.width_words, keys, s.keys);
  transpose((const uint32_t*)v, stride_words, t, s.width_words, values, s.keys);
  column_words(k, stride, t, dh, keys_down, s.columns);
  for (int64_t j = 0; j < 2 * s.keys * s.columns; j += L) store(dkeys + j, vf{});

  for (int64_t first = 0; first < t; first += query_block) {
    const int64_t rows = t - first < query_block ? t - first : query_block;
    const int64_t row_words = (rows + group<T> - 1) / group<T>;
    const Window seen = window(task, first, rows);
    const int64_t columns = round_up(seen.count, L), seen_words = round_up(seen.count, group<T>) / group<T>;
    multiply<T>(rows, columns, s.width_words, (const uint32_t*)(q + first * stride), stride_words, 1, keys + seen.first,
                s.keys, scores, s.keys, false);
    multiply<T>(rows, columns, s.width_words, (const uint32_t*)(dout + first * d), d / group<T>, 1, values + seen.first,
                s.keys, dscores, s.keys, false);
    for (int64_t i = 0; i < rows; i++) {
      float *row = scores + i * s.keys, *drow = dscores + i * s.keys;
      vf dots{};
      for (int64_t c = 0; c < dh; c += L)
        dots += load(out + (first + i) * d + c, dh - c) * load(dout + (first + i) * d + c, dh - c);
      const float dot = sum(dots), log_sum = lse[first + i];
      if (drop.threshold)
        keep_scales(drop, ((task.head * task.total + task.start + first + i) << 16) + seen.first, seen.count, keep);
      for (int64_t j = 0; j < columns; j += L) {
        vf p = lanes(exp(load(row + j) * temperature - log_sum), seen.from(i) - j, seen.to(i) - j, 0.0f);
        vf dp = load(drow + j), kept = p;
        if (drop.threshold) {
          vf scale = load(keep + j);
          kept *= scale;
          dp *= scale;
        }
        store(row + j, kept);
        store(drow + j, p * (dp - dot) * temperature);
      }
    }
    for (int64_t i = 0; i < row_words; i++)
      for (int64_t j = 0; j < columns; j += L) {
        const int64_t low = i * group<T> * s.keys + j, high = low + s.keys;
        const bool both = (i + 1) * group<T> <= rows;
        vf dlow = load(dscores + low), dhigh = both ? load(dscores + high) : vf{};
        *(vu_any*)(p_down + i * s.keys + j) = pair(load(scores + low), both ? load(scores + high) : vf{}, T{});
        *(vu_any*)(ds_down + i * s.keys + j) = pair(dlow, dhigh, T{});
        store(ds + low, dlow);
        if (group<T> == 2 && both) store(ds + high, dhigh);
      }
    column_words(q + first * stride, stride, rows, dh, q_down, s.columns);
    column_words(dout + first * d, d, rows, dh, dout_down, s.columns);
    multiply<T>(seen.count, s.columns, row_words, p_down, 1, s.keys, dout_down, s.columns,
                dvalues + seen.first * s.columns, s.columns, true);
    multiply<T>(seen.count, s.columns, row_words, ds_down, 1, s.keys, q_down, s.columns, dkeys + seen.first * s.columns,
                s.columns, true);
    multiply<T>(rows, s.columns, seen_words, (const uint32_t*)ds, s.keys / group<T>, 1,
                keys_down + seen.first / group<T> * s.columns, s.columns, product, s.columns, false);
    for (int64_t i = 0; i < rows; i++) put_row(product + i * s.columns, dq + (first + i) * stride, dh, 1.0f);
  }
  for (int64_t j = 0; j < t; j++) {
    put_row(dkeys + j * s.columns, dk + j * stride, dh, 1.0f);
    put_row(dvalues + j * s.columns, dv + j * stride, dh, 1.0f);
  }
}
