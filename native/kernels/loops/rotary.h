// Rotary positions (Su et al. 2021): each head's two halves turned against each other by the row's angles.

template <class T>
void rotary(const T* x, const float* cosines, const float* sines, T* y, int64_t rows, int64_t heads, int64_t width,
            float sign) {
  const int64_t half = width / 2, d = heads * width;
  for (int64_t r = 0; r < rows; r++, x += 3 * d, y += 3 * d, cosines += half, sines += half) {
    for (int64_t head = 0; head < 2 * heads; head++) {  // queries, then keys
      const T* from = x + head * width;
      T* to = y + head * width;
      for (int64_t j = 0; j < half; j += L) {
        const int64_t n = half - j;
        vf c = load(cosines + j, n), s = load(sines + j, n) * sign, a = load(from + j, n), b = load(from + half + j, n);
        store(to + j, a * c - b * s, n);
        store(to + half + j, b * c + a * s, n);
      }
    }
    for (int64_t j = 2 * d; j < 3 * d; j += L) store(y + j, load(x + j, 3 * d - j), 3 * d - j);
  }
}
