// Sums over a run of rows, and back.

template <int Vectors, class T>
GLEM_INLINE void segment_block(const T* x, T* y, float* sums, int64_t rows, int64_t d, float share, int64_t j) {
  vf total[Vectors] = {};
  for (int64_t r = 0; r < rows; r++)
    for (int v = 0; v < Vectors; v++) total[v] += load(x + r * d + j + v * L, d - j - v * L);
  for (int v = 0; v < Vectors; v++) store_sum(y, sums, j + v * L, total[v] * share, d - j - v * L);
}

// y = share times the sum of the rows
template <class T>
void segment_sum(const T* x, T* y, float* sums, int64_t rows, int64_t d, float share) {
  int64_t j = 0;
  for (; j + 8 * L <= d; j += 8 * L) segment_block<8>(x, y, sums, rows, d, share, j);
  for (; j < d; j += L) segment_block<1>(x, y, sums, rows, d, share, j);
}

template <class T>
void segment_sum_backward(const T* dy, T* dx, int64_t rows, int64_t d, float share) {
  for (int64_t r = 0; r < rows; r++)
    for (int64_t j = 0; j < d; j += L) store(dx + r * d + j, load(dy + j, d - j) * share, d - j);
}
