// Softmax cross-entropy over many classes, such as a vocabulary's.

// The last vector's lanes from n on do not count.
GLEM_INLINE vf biased(const float* bias, vf x, int64_t n) { return x + load(bias, n); }

template <class T>
void cross_entropy(const T* logits, const float* bias, const int64_t* truth, float* loss, float* lse, int64_t rows,
                   int64_t c) {
  for (int64_t r = 0; r < rows; r++, logits += c) {
    vf top = splat(-1e30f);
    for (int64_t j = 0; j < c; j += L) {
      vf z = biased(bias + j, load(logits + j, c - j), c - j);
      top = max(top, lanes(z, 0, c - j, -1e30f));
    }
    const float peak = largest(top);
    vf total{};
    for (int64_t j = 0; j < c; j += L) {
      vf z = biased(bias + j, load(logits + j, c - j), c - j);
      total += lanes(exp(z - peak), 0, c - j, 0.0f);
    }
    lse[r] = peak + __builtin_logf(sum(total));
    loss[r] = lse[r] - (load(logits + truth[r], 1)[0] + bias[truth[r]]);
  }
}

template <class T>
void cross_entropy_backward(const T* logits, const float* bias, const int64_t* truth, const float* lse, T* dlogits,
                            float* dbias, int64_t rows, int64_t c, float scale) {
  for (int64_t r = 0; r < rows; r++, logits += c, dlogits += c) {
    for (int64_t j = 0; j < c; j += L) {
      vf z = biased(bias + j, load(logits + j, c - j), c - j);
      vf g = exp(z - lse[r]) * scale;
      const int64_t at = truth[r] - j;
      if (at >= 0 && at < L) g[at] -= scale;
      store(dlogits + j, g, c - j);
      store(dbias + j, load(dbias + j, c - j) + g, c - j);
    }
  }
}
