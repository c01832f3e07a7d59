// y = A x with A in CSR form: a row's sum stays in registers, a block of columns at a time.

// Rows of x this many edges ahead are asked for early: the gather's order is known, the cache cannot guess it.
constexpr int64_t ahead = 12;

template <int Vectors, class Index, class T>
GLEM_INLINE void spmm_block(const Index* rowptr, const Index* col, const float* weight, const T* x, T* y, int64_t first,
                            int64_t last, int64_t d, int64_t edges) {
  for (int64_t i = first; i < last; i++) {
    vf total[Vectors] = {};
    for (int64_t e = rowptr[i]; e < rowptr[i + 1]; e++) {
      if (e + ahead < edges) {
        const char* next = (const char*)(x + (int64_t)col[e + ahead] * d);
        for (int64_t b = 0; b < (int64_t)(Vectors * L * sizeof(T)); b += 64) __builtin_prefetch(next + b, 0, 3);
      }
      const T* row = x + (int64_t)col[e] * d;
      const float w = weight ? weight[e] : 1.0f;
      for (int v = 0; v < Vectors; v++) total[v] += load(row + v * L) * w;
    }
    for (int v = 0; v < Vectors; v++) store(y + i * d + v * L, total[v]);
  }
}

template <class Index, class T>
void spmm(const Index* rowptr, const Index* col, const float* weight, const T* x, T* y, int64_t first, int64_t last,
          int64_t d) {
  const int64_t edges = rowptr[last];
  int64_t j = 0;
  for (; j + 8 * L <= d; j += 8 * L) spmm_block<8>(rowptr, col, weight, x + j, y + j, first, last, d, edges);
  for (; j + 4 * L <= d; j += 4 * L) spmm_block<4>(rowptr, col, weight, x + j, y + j, first, last, d, edges);
  for (; j + L <= d; j += L) spmm_block<1>(rowptr, col, weight, x + j, y + j, first, last, d, edges);
  if (j < d)
    for (int64_t i = first; i < last; i++) {
      vf total{};
      for (int64_t e = rowptr[i]; e < rowptr[i + 1]; e++)
        total += load_some(x + (int64_t)col[e] * d + j, d - j) * (weight ? weight[e] : 1.0f);
      store_some(y + i * d + j, total, d - j);
    }
}
