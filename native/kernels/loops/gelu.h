// GELU by the error function (Hendrycks and Gimpel 2016) after a bias.

// Phi(x) and phi(x), the standard normal's distribution and density. erf by Abramowitz and Stegun 7.1.26 (absolute error
// 1.5e-7), chosen because the exponential that it needs is the density's own.
GLEM_INLINE void normal(vf x, vf& distribution, vf& density) {
  vf a = x < 0 ? -x : x;
  vf e = exp(x * x * -0.5f);
  vf t = 1.0f / (a * (0.3275911f * 0.70710678f) + 1.0f);
  vf poly = splat(1.061405429f);
  poly = poly * t - 1.453152027f;
  poly = poly * t + 1.421413741f;
  poly = poly * t - 0.284496736f;
  poly = poly * t + 0.254829592f;
  vf upper = poly * t * e * 0.5f;
  distribution = x < 0 ? upper : 1.0f - upper;
  density = e * 0.39894228f;
}

template <class T>
void bias_gelu(const T* x, const float* bias, T* y, int64_t rows, int64_t d) {
  for (int64_t r = 0; r < rows; r++, x += d, y += d)
    for (int64_t j = 0; j < d; j += L) {
      vf z = load(x + j, d - j) + load(bias + j, d - j), distribution, density;
      normal(z, distribution, density);
      store(y + j, z * distribution, d - j);
    }
}

template <class T>
void bias_gelu_backward(const T* x, const float* bias, const T* dy, T* dx, float* dbias, int64_t rows, int64_t d) {
  for (int64_t r = 0; r < rows; r++, x += d, dy += d, dx += d)
    for (int64_t j = 0; j < d; j += L) {
      vf z = load(x + j, d - j) + load(bias + j, d - j), distribution, density;
      normal(z, distribution, density);
      vf g = load(dy + j, d - j) * (distribution + z * density);
      store(dx + j, g, d - j);
      store(dbias + j, load(dbias + j, d - j) + g, d - j);
    }
}
