// Batch normalisation (Ioffe and Szegedy 2015) and ReLU over rows of width d. Sums are double.

typedef double vd __attribute__((vector_size(8 * GLEM_LANES)));
typedef double vd_any __attribute__((vector_size(8 * GLEM_LANES), aligned(8), may_alias));

// total[0 .. n) += x, for the first n lanes.
GLEM_INLINE void add_wide(double* total, vf x, int64_t n) {
  if (__builtin_expect(n >= L, 1))
    *(vd_any*)total = *(vd_any*)total + __builtin_convertvector(x, vd);
  else
    for (int64_t i = 0; i < n; i++) total[i] += (double)x[i];
}

static void column_sums(const float* x, double* total, int64_t rows, int64_t d) {
  for (int64_t r = 0; r < rows; r++, x += d)
    for (int64_t j = 0; j < d; j += L) add_wide(total + j, load(x + j, d - j), d - j);
}

static void column_squares(const float* x, const float* mean, double* total, int64_t rows, int64_t d) {
  for (int64_t r = 0; r < rows; r++, x += d)
    for (int64_t j = 0; j < d; j += L) {
      vf c = load(x + j, d - j) - load(mean + j, d - j);
      add_wide(total + j, c * c, d - j);
    }
}

static void norm_terms(const float* mean, const float* rstd, const float* weight, const float* bias, float* slope,
                       float* shift, int64_t d) {
  for (int64_t j = 0; j < d; j += L) {
    vf a = load(rstd + j, d - j) * load(weight + j, d - j);
    store(slope + j, a, d - j);
    store(shift + j, load(bias + j, d - j) - load(mean + j, d - j) * a, d - j);
  }
}

GLEM_INLINE vf normalised(const float* x, const float* slope, const float* shift, int64_t j, int64_t n) {
  return load(x + j, n) * load(slope + j, n) + load(shift + j, n);
}

// NaN is neither below 0 nor at 0: it goes on, forwards and backwards.
static void norm_relu(const float* x, const float* slope, const float* shift, float* y, int64_t rows, int64_t d) {
  for (int64_t r = 0; r < rows; r++, x += d, y += d)
    for (int64_t j = 0; j < d; j += L) {
      vf z = normalised(x, slope, shift, j, d - j);
      store(y + j, z < 0 ? vf{} : z, d - j);
    }
}

GLEM_INLINE vf relu_gradient(const float* x, const float* dy, const float* slope, const float* shift, int64_t j,
                             int64_t n) {
  vf z = normalised(x, slope, shift, j, n);
  return z <= 0 ? vf{} : load(dy + j, n);
}

static void norm_relu_sums(const float* x, const float* dy, const float* mean, const float* slope, const float* shift,
                           double* gradients, double* products, int64_t rows, int64_t d) {
  for (int64_t r = 0; r < rows; r++, x += d, dy += d)
    for (int64_t j = 0; j < d; j += L) {
      vf g = relu_gradient(x, dy, slope, shift, j, d - j);
      add_wide(gradients + j, g, d - j);
      add_wide(products + j, (load(x + j, d - j) - load(mean + j, d - j)) * g, d - j);
    }
}

static void norm_relu_backward(const float* x, const float* dy, const float* mean, const float* slope,
                               const float* shift, const float* weight, const float* rstd, const float* average,
                               const float* tilt, float* dx, int64_t rows, int64_t d) {
  for (int64_t r = 0; r < rows; r++, x += d, dy += d, dx += d)
    for (int64_t j = 0; j < d; j += L) {
      const int64_t n = d - j;
      vf g = relu_gradient(x, dy, slope, shift, j, n);
      vf along = (load(x + j, n) - load(mean + j, n)) * load(tilt + j, n);
      store(dx + j, (g - load(average + j, n) - along) * load(rstd + j, n) * load(weight + j, n), n);
    }
}
