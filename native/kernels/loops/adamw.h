// AdamW (Loshchilov and Hutter 2019) in one pass over the parameters, their moments and their bfloat16 copy, with the
// order of operations of torch.optim.AdamW: decay by the learning rate first, then the step.

template <class T>
void adamw(float* p, const T* g, float* m, float* v, bf16* shadow, int64_t n, AdamW step) {
  for (int64_t i = 0; i < n; i += L) {
    vf gi = load(g + i, n - i) * step.grad_scale;
    vf mi = load(m + i, n - i) * step.beta1 + gi * step.rest1;
    vf vi = load(v + i, n - i) * step.beta2 + gi * gi * step.rest2;
    vf root;
    for (int k = 0; k < L; k++) root[k] = __builtin_sqrtf(vi[k]);
    vf pi = load(p + i, n - i) * step.decay - step.lr_corrected * mi / (root / step.correction2_root + step.eps);
    store(p + i, pi, n - i);
    store(m + i, mi, n - i);
    store(v + i, vi, n - i);
    if (shadow) store(shadow + i, pi, n - i);
  }
}

template <class T>
double square_sum(const T* g, int64_t n) {
  double total = 0;
  constexpr int64_t run = 1024;  // floats add up 1024 / L squares a lane; doubles add up the runs
  for (int64_t at = 0; at < n; at += run) {
    vf s{};
    for (int64_t i = at; i < n && i < at + run; i += L) {
      vf x = load(g + i, n - i);
      s += x * x;
    }
    for (int k = 0; k < L; k++) total += s[k];
  }
  return total;
}
