// y = A x with A in CSR form: a row's sum stays in registers, a block of columns at a time.

// Rows of x this many edges ahead are asked for early: the gather's order is known, the cache cannot guess it.
constexpr int64_t ahead = 12;

// Asks for `columns` columns of the row of x that an edge `ahead` places on will read; `end` is where the edges end.
template <class Index, class T>
GLEM_INLINE void prefetch_row(const T* x, const Index* col, int64_t e, int64_t end, int64_t d, int64_t columns) {
  if (e + ahead < end) {
    const char* next = (const char*)(x + (int64_t)col[e + ahead] * d);
    for (int64_t b = 0; b < columns * (int64_t)sizeof(T); b += 64) __builtin_prefetch(next + b, 0, 3);
  }
}

// The vector of a row's sums from element `at` on: into y, or, where the row is a piece of a long one, into its sums.
template <class T>
GLEM_INLINE void store_sum(T* y, float* sums, int64_t at, vf x, int64_t n) {
  if (__builtin_expect(sums != nullptr, 0))
    store(sums + at, x, n);
  else
    store(y + at, x, n);
}

template <class Index>
GLEM_INLINE float weight_at(const float* weight, WeightOf of, int64_t row, const Index* col, int64_t e) {
  if (!weight) return 1.0f;
  return weight[of == WeightOf::entry ? e : of == WeightOf::row ? row : (int64_t)col[e]];
}

template <int Vectors, class Index, class T>
GLEM_INLINE void spmm_block(const Index* rowptr, const Index* col, const float* weight, WeightOf of, const T* x, T* y,
                            float* sums, int64_t first, int64_t last, int64_t d, int64_t edges, int64_t j) {
  for (int64_t i = first; i < last; i++) {
    vf total[Vectors] = {};
    for (int64_t e = rowptr[i]; e < rowptr[i + 1]; e++) {
      prefetch_row(x + j, col, e, edges, d, Vectors * L);
      const T* row = x + (int64_t)col[e] * d + j;
      const float w = weight_at(weight, of, i, col, e);
      for (int v = 0; v < Vectors; v++) total[v] += load(row + v * L) * w;
    }
    for (int v = 0; v < Vectors; v++) store_sum(y, sums, i * d + j + v * L, total[v], L);
  }
}

template <class Index, class T>
void spmm(const Index* rowptr, const Index* col, const float* weight, WeightOf of, const T* x, T* y, float* sums,
          int64_t first, int64_t last, int64_t d) {
  const int64_t edges = rowptr[last];
  int64_t j = 0;
  for (; j + 8 * L <= d; j += 8 * L) spmm_block<8>(rowptr, col, weight, of, x, y, sums, first, last, d, edges, j);
  for (; j + 4 * L <= d; j += 4 * L) spmm_block<4>(rowptr, col, weight, of, x, y, sums, first, last, d, edges, j);
  for (; j + L <= d; j += L) spmm_block<1>(rowptr, col, weight, of, x, y, sums, first, last, d, edges, j);
  if (j < d)
    for (int64_t i = first; i < last; i++) {
      vf total{};
      for (int64_t e = rowptr[i]; e < rowptr[i + 1]; e++)
        total += load_some(x + (int64_t)col[e] * d + j, d - j) * weight_at(weight, of, i, col, e);
      store_sum(y, sums, i * d + j, total, d - j);
    }
}
