// Layer normalisation (Ba, Kiros and Hinton 2016) with what stands before it in a post-norm transformer, and with the
// embeddings before it. Statistics are float32 whatever the rows are.

// z : [d], a row in scratch. Mean and 1 / standard deviation, by two passes.
GLEM_INLINE void moments(const float* z, int64_t d, float eps, float& mean, float& rstd) {
  vf total{};
  for (int64_t j = 0; j < d; j += L) total += load(z + j, d - j);
  mean = sum(total) / d;
  vf squares{};
  for (int64_t j = 0; j < d; j += L) {
    vf c = lanes(load(z + j, d - j) - mean, 0, d - j, 0.0f);
    squares += c * c;
  }
  rstd = 1.0f / __builtin_sqrtf(sum(squares) / d + eps);
}

// From g = dy * weight (z's place is taken by the normalised row): dz = rstd (g - mean(g) - xhat mean(g xhat)), in place of g.
GLEM_INLINE void normalised_gradient(const float* xhat, float* g, int64_t d, float rstd) {
  vf a{}, b{};
  for (int64_t j = 0; j < d; j += L) {
    vf gj = load(g + j, d - j);
    a += gj;
    b += gj * load(xhat + j, d - j);
  }
  const float ma = sum(a) / d, mb = sum(b) / d;
  for (int64_t j = 0; j < d; j += L)
    store(g + j, (load(g + j, d - j) - ma - load(xhat + j, d - j) * mb) * rstd, d - j);
}

GLEM_INLINE void add_to(float* p, vf x, int64_t n) { store(p, load(p, n) + x, n); }

// z = residual + dropout(x + bias)
template <class T>
GLEM_INLINE void branch_row(const T* x, const float* bias, const T* residual, float* z, float* keep, int64_t first,
                            int64_t d, Dropout drop) {
  if (drop.threshold) keep_scales(drop, first, d, keep);
  for (int64_t j = 0; j < d; j += L) {
    vf v = load(x + j, d - j);
    if (bias) v += load(bias + j, d - j);
    if (drop.threshold) v *= load(keep + j);
    store(z + j, v + load(residual + j, d - j), d - j);
  }
}

template <class T>
void dropout_add_layer_norm(const T* x, const float* bias, const T* residual, const float* weight, const float* ln_bias,
                            T* y, float* mean, float* rstd, int64_t first, int64_t rows, int64_t d, float eps,
                            Dropout drop, float* scratch) {
  float* z = scratch;
  float* keep = scratch + d;
  for (int64_t r = 0; r < rows; r++, x += d, residual += d, y += d, first += d) {
    branch_row(x, bias, residual, z, keep, first, d, drop);
    moments(z, d, eps, mean[r], rstd[r]);
    for (int64_t j = 0; j < d; j += L)
      store(y + j, (load(z + j, d - j) - mean[r]) * rstd[r] * load(weight + j, d - j) + load(ln_bias + j, d - j),
            d - j);
  }
}

template <class T>
void dropout_add_layer_norm_backward(const T* x, const float* bias, const T* residual, const float* weight,
                                     const float* mean, const float* rstd, const T* dy, T* dx, T* dresidual,
                                     float* dweight, float* dln_bias, float* dbias, int64_t first, int64_t rows,
                                     int64_t d, Dropout drop, float* scratch) {
  float* xhat = scratch;
  float* g = scratch + d;
  float* keep = scratch + 2 * d;
  for (int64_t r = 0; r < rows; r++, x += d, residual += d, dy += d, dx += d, dresidual += d, first += d) {
    branch_row(x, bias, residual, xhat, keep, first, d, drop);
    for (int64_t j = 0; j < d; j += L) {
      vf h = (load(xhat + j, d - j) - mean[r]) * rstd[r], gj = load(dy + j, d - j);
      store(xhat + j, h, d - j);
      store(g + j, gj * load(weight + j, d - j), d - j);
      add_to(dweight + j, gj * h, d - j);
      add_to(dln_bias + j, gj, d - j);
    }
    normalised_gradient(xhat, g, d, rstd[r]);
    for (int64_t j = 0; j < d; j += L) {
      vf v = load(g + j, d - j);
      store(dresidual + j, v, d - j);
      if (drop.threshold) v *= load(keep + j);
      store(dx + j, v, d - j);
      if (dbias) add_to(dbias + j, v, d - j);
    }
  }
}

GLEM_INLINE void embedding_row(const float* word, const float* position, const float* type, float* z, int64_t d) {
  for (int64_t j = 0; j < d; j += L)
    store(z + j, load(word + j, d - j) + load(position + j, d - j) + load(type + j, d - j), d - j);
}

template <class T>
void embedding(const float* word, const float* position, const float* type, const int64_t* ids,
               const int64_t* positions, const int64_t* kinds, const float* weight, const float* ln_bias, T* y,
               float* mean, float* rstd, int64_t first, int64_t rows, int64_t d, float eps, Dropout drop,
               float* scratch) {
  float* z = scratch;
  float* keep = scratch + d;
  for (int64_t r = 0; r < rows; r++, y += d, first += d) {
    embedding_row(word + ids[r] * d, position + positions[r] * d, type + (kinds ? kinds[r] : 0) * d, z, d);
    moments(z, d, eps, mean[r], rstd[r]);
    if (drop.threshold) keep_scales(drop, first, d, keep);
    for (int64_t j = 0; j < d; j += L) {
      vf v = (load(z + j, d - j) - mean[r]) * rstd[r] * load(weight + j, d - j) + load(ln_bias + j, d - j);
      if (drop.threshold) v *= load(keep + j);
      store(y + j, v, d - j);
    }
  }
}

template <class T>
void embedding_backward(const float* word, const float* position, const float* type, const int64_t* ids,
                        const int64_t* positions, const int64_t* kinds, const float* weight, const float* mean,
                        const float* rstd, const T* dy, float* dsum, float* dweight, float* dln_bias, int64_t first,
                        int64_t rows, int64_t d, Dropout drop, float* scratch) {
  float* xhat = scratch;
  float* keep = scratch + d;
  for (int64_t r = 0; r < rows; r++, dy += d, dsum += d, first += d) {
    embedding_row(word + ids[r] * d, position + positions[r] * d, type + (kinds ? kinds[r] : 0) * d, xhat, d);
    if (drop.threshold) keep_scales(drop, first, d, keep);
    for (int64_t j = 0; j < d; j += L) {
      vf h = (load(xhat + j, d - j) - mean[r]) * rstd[r], gj = load(dy + j, d - j);
      if (drop.threshold) gj *= load(keep + j);
      store(xhat + j, h, d - j);
      store(dsum + j, gj * load(weight + j, d - j), d - j);
      add_to(dweight + j, gj * h, d - j);
      add_to(dln_bias + j, gj, d - j);
    }
    normalised_gradient(xhat, dsum, d, rstd[r]);
  }
}
