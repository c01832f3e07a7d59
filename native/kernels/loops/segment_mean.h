// The mean of a packed sequence's rows.

template <class T>
void segment_mean(const T* x, T* y, int64_t rows, int64_t d, float* scratch) {
  for (int64_t j = 0; j < d; j++) scratch[j] = 0;
  for (int64_t r = 0; r < rows; r++)
    for (int64_t j = 0; j < d; j += L) add_to(scratch + j, load(x + r * d + j, d - j), d - j);
  const float share = rows ? 1.0f / rows : 0.0f;
  for (int64_t j = 0; j < d; j += L) store(y + j, load(scratch + j, d - j) * share, d - j);
}

template <class T>
void segment_mean_backward(const T* dy, T* dx, int64_t rows, int64_t d) {
  const float share = rows ? 1.0f / rows : 0.0f;
  for (int64_t r = 0; r < rows; r++)
    for (int64_t j = 0; j < d; j += L) store(dx + r * d + j, load(dy + j, d - j) * share, d - j);
}
