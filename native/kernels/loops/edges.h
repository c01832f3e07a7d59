// Edges by their target's row: entry e of row i, rowptr[i] <= e < rowptr[i + 1], comes from node col[e]. A weight of an edge
// is one number a head; a node's row of d = heads * width columns holds its heads side by side. In a transpose, order[e] is
// where entry e lies among the matrix's own.

// Which head the lanes of the L columns from `column` on belong to, counted from the first lane's.
GLEM_INLINE vi head_lanes(int64_t column, int64_t d, int64_t width) {
  vi lanes;
  for (int lane = 0; lane < L; lane++) {
    int64_t k = column + lane < d ? column + lane : d - 1;
    lanes[lane] = (int32_t)(k / width - column / width);
  }
  return lanes;
}

// The weights of an edge's heads, each on its head's lanes. `left` floats are there from w on.
GLEM_INLINE vf spread(const float* w, int64_t left, vi lanes) { return __builtin_shuffle(load(w, left), lanes); }

template <int Step>
struct PairLanes {
  int32_t own[L], other[L];
  constexpr PairLanes() : own{}, other{} {
    for (int i = 0; i < L; i++) {
      own[i] = i & Step ? L + i : i;
      other[i] = own[i] ^ Step;
    }
  }
};
template <int Step>
constexpr PairLanes<Step> pair_lanes;

// Lanes i with i & Step = 0 get a's lanes i and i + Step added, the others b's.
template <int Step>
GLEM_INLINE vf add_pairs(vf a, vf b) {
  return __builtin_shuffle(a, b, *(const vi_any*)pair_lanes<Step>.own) +
         __builtin_shuffle(a, b, *(const vi_any*)pair_lanes<Step>.other);
}

// Lane h is the sum of vector h, for h < Vectors <= L, a power of 2.
template <int Vectors, int Step = 1>
GLEM_INLINE vf vector_sums(const vf* x) {
  if constexpr (Vectors == 1) {
    vf total = x[0];
    for (int by = Step; by < L; by *= 2) total += rotate(total, by);
    return total;
  } else {
    vf half[Vectors / 2];
    for (int v = 0; v < Vectors / 2; v++) half[v] = add_pairs<Step>(x[2 * v], x[2 * v + 1]);
    return vector_sums<Vectors / 2, 2 * Step>(half);
  }
}

// As head_sums, for heads h up to h + Heads whose width is a multiple of L.
template <int Heads, class Product>
GLEM_INLINE void wide_head_sums(float* out, int64_t h, int64_t width, Product product) {
  vf x[Heads];
  for (int v = 0; v < Heads; v++) {
    vf total{};
    for (int64_t j = (h + v) * width; j < (h + v + 1) * width; j += L) total += product(j);
    x[v] = total;
  }
  store(out + h, vector_sums<Heads>(x), Heads);
}

// out[h] = the sum over the lanes of head h of product(j), the vector of columns j .. j + L - 1; lanes past the last column
// must be 0. scratch : [d + L].
template <class Product>
GLEM_INLINE void head_sums(float* out, int64_t heads, int64_t width, float* scratch, Product product) {
  const int64_t d = heads * width;
  if (width % L == 0) {
    constexpr int together = L < 8 ? L : 8;
    int64_t h = 0;
    for (; h + together <= heads; h += together) wide_head_sums<together>(out, h, width, product);
    for (; h < heads; h++) wide_head_sums<1>(out, h, width, product);
  } else if (L % width == 0) {
    // After the rotations lane h * width holds the sum of its head's lanes.
    for (int64_t j = 0; j < d; j += L) {
      vf x = product(j);
      for (int64_t by = width / 2; by > 0; by /= 2) x += rotate(x, (int)by);
      store(scratch + j, x);
    }
    for (int64_t h = 0; h < heads; h++) out[h] = scratch[h * width];
  } else {
    for (int64_t j = 0; j < d; j += L) store(scratch + j, product(j));
    for (int64_t h = 0; h < heads; h++) {
      float total = 0;
      for (int64_t k = 0; k < width; k++) total += scratch[h * width + k];
      out[h] = total;
    }
  }
}

template <int Vectors, bool OneHead, class T>
GLEM_INLINE void edge_spmm_block(EdgeRows a, const float* weight, const T* x, T* y, float* sums, int64_t first,
                                 int64_t last, int64_t heads, int64_t width, int64_t j) {
  const int64_t d = heads * width, end = a.rowptr[last], all = (int64_t)a.edges * heads, n = d - j;
  vi lanes[Vectors];
  int64_t head[Vectors];
  for (int v = 0; v < Vectors; v++) {
    head[v] = (j + v * L) / width;
    lanes[v] = head_lanes(j + v * L, d, width);
  }
  for (int64_t i = first; i < last; i++) {
    vf total[Vectors] = {};
    for (int64_t e = a.rowptr[i]; e < a.rowptr[i + 1]; e++) {
      prefetch_row(x + j, a.col, e, end, d, Vectors * L);
      const int64_t at = (a.order ? a.order[e] : e) * heads;
      const T* row = x + (int64_t)a.col[e] * d + j;
      for (int v = 0; v < Vectors; v++) {
        vf w = OneHead ? splat(weight[at + head[v]]) : spread(weight + at + head[v], all - at - head[v], lanes[v]);
        total[v] += load(row + v * L, n - v * L) * w;
      }
    }
    for (int v = 0; v < Vectors; v++) store_sum(y, sums, i * d + j + v * L, total[v], n - v * L);
  }
}

template <bool OneHead, class T>
GLEM_INLINE void edge_spmm_rows(EdgeRows a, const float* weight, const T* x, T* y, float* sums, int64_t first,
                                int64_t last, int64_t heads, int64_t width) {
  const int64_t d = heads * width;
  int64_t j = 0;
  for (; j + 8 * L <= d; j += 8 * L) edge_spmm_block<8, OneHead>(a, weight, x, y, sums, first, last, heads, width, j);
  for (; j + 4 * L <= d; j += 4 * L) edge_spmm_block<4, OneHead>(a, weight, x, y, sums, first, last, heads, width, j);
  for (; j < d; j += L) edge_spmm_block<1, OneHead>(a, weight, x, y, sums, first, last, heads, width, j);
}

template <class T>
void edge_spmm(EdgeRows a, const float* weight, const T* x, T* y, float* sums, int64_t first, int64_t last,
               int64_t heads, int64_t width) {
  // Vectors within one head need no spreading.
  if (width % L == 0 || heads == 1)
    edge_spmm_rows<true>(a, weight, x, y, sums, first, last, heads, width);
  else
    edge_spmm_rows<false>(a, weight, x, y, sums, first, last, heads, width);
}

template <class T>
void edge_dot(EdgeRows a, const T* target, const T* source, float* out, int64_t first, int64_t last, int64_t heads,
              int64_t width, float* scratch) {
  const int64_t d = heads * width, end = a.rowptr[last];
  for (int64_t i = first; i < last; i++)
    for (int64_t e = a.rowptr[i]; e < a.rowptr[i + 1]; e++) {
      prefetch_row(source, a.col, e, end, d, d);
      const T *left = target + i * d, *right = source + (int64_t)a.col[e] * d;
      head_sums(out + e * heads, heads, width, scratch,
                [&](int64_t j) { return load(left + j, d - j) * load(right + j, d - j); });
    }
}

// Where heads divide the lanes, a row's entries lie so that lane l is always head l mod heads: these bring every head's
// largest, or its sum, to all of its lanes.
GLEM_INLINE vf top_of_heads(vf x, int64_t heads) {
  for (int by = (int)heads; by < L; by *= 2) x = max(x, rotate(x, by));
  return x;
}
GLEM_INLINE vf sum_of_heads(vf x, int64_t heads) {
  for (int by = (int)heads; by < L; by *= 2) x += rotate(x, by);
  return x;
}

// e^x, with 0 for a score of -infinity, which has no share at all, and NaN in sight.
GLEM_INLINE vf power(vf x) {
  vf p = x < splat(-87.0f) ? vf{} : exp(x);
  return x == x ? p : x;
}

static void edge_softmax_lanes(const float* x, float* y, int64_t n, int64_t heads, float* tops, float* totals) {
  const vi lane = count_from(0);
  const vf none = splat(-__builtin_inff());
  auto scores = [&](int64_t k) {
    return n - k >= L ? load(x + k) : lane < (vi{} + (int32_t)(n - k)) ? load_some(x + k, n - k) : none;
  };
  vf top = none, total{};
  for (int64_t k = 0; k < n; k += L) top = max(top, scores(k));
  top = top_of_heads(top, heads);
  top = top == none ? vf{} : top;
  for (int64_t k = 0; k < n; k += L) {
    vf p = power(scores(k) - top);
    total += p;
    store(y + k, p, n - k);
  }
  total = sum_of_heads(total, heads);
  const vf share = total == vf{} ? vf{} : 1.0f / total;
  for (int64_t k = 0; k < n; k += L) store(y + k, load(y + k, n - k) * share, n - k);
  if (tops) {
    store(tops, top, heads);
    store(totals, total, heads);
  }
}

static void edge_softmax(const int32_t* rowptr, const float* score, float* out, int64_t first, int64_t last,
                         int64_t heads, float* tops, float* totals, float* scratch) {
  for (int64_t i = first; i < last; i++) {
    const int64_t begin = rowptr[i], end = rowptr[i + 1], n = (end - begin) * heads;
    float *total = scratch, *y = out + begin * heads;
    const float* x = score + begin * heads;
    if (L % heads == 0) {
      edge_softmax_lanes(x, y, n, heads, tops, totals);
      continue;
    }
    for (int64_t h = 0; h < heads; h++) {
      float top = -__builtin_inff();
      for (int64_t k = h; k < n; k += heads) top = x[k] > top ? x[k] : top;
      total[h] = top == -__builtin_inff() ? 0.0f : top;
      if (tops) tops[h] = total[h];
    }
    for (int64_t e = 0; e < n; e += heads)
      for (int64_t h = 0; h < heads; h++) y[e + h] = x[e + h] - total[h];
    for (int64_t k = 0; k < n; k += L) store(y + k, power(load(y + k, n - k)), n - k);
    for (int64_t h = 0; h < heads; h++) total[h] = 0;
    for (int64_t e = 0; e < n; e += heads)
      for (int64_t h = 0; h < heads; h++) total[h] += y[e + h];
    for (int64_t h = 0; h < heads; h++) {
      if (totals) totals[h] = total[h];
      total[h] = total[h] == 0 ? 0.0f : 1.0f / total[h];
    }
    for (int64_t e = 0; e < n; e += heads)
      for (int64_t h = 0; h < heads; h++) y[e + h] *= total[h];
  }
}

static void edge_softmax_scale(float* y, const float* factors, int64_t entries, int64_t heads) {
  for (int64_t e = 0; e < entries * heads; e += heads)
    for (int64_t h = 0; h < heads; h++) y[e + h] *= factors[h];
}

GLEM_INLINE vf softmax_dot_lanes(const float* y, const float* dy, int64_t n, int64_t heads) {
  vf total{};
  for (int64_t k = 0; k < n; k += L) total += load(y + k, n - k) * load(dy + k, n - k);
  return sum_of_heads(total, heads);
}

GLEM_INLINE void softmax_slope_lanes(const float* y, const float* dy, vf total, float* dx, int64_t n) {
  for (int64_t k = 0; k < n; k += L) store(dx + k, load(y + k, n - k) * (load(dy + k, n - k) - total), n - k);
}

static void edge_softmax_dot(const float* y, const float* dy, float* totals, int64_t entries, int64_t heads) {
  if (L % heads == 0) {
    store(totals, softmax_dot_lanes(y, dy, entries * heads, heads), heads);
    return;
  }
  for (int64_t h = 0; h < heads; h++) totals[h] = 0;
  for (int64_t e = 0; e < entries * heads; e += heads)
    for (int64_t h = 0; h < heads; h++) totals[h] += y[e + h] * dy[e + h];
}

static void edge_softmax_slope(const float* y, const float* dy, const float* totals, float* dx, int64_t entries,
                               int64_t heads) {
  if (L % heads == 0) {
    vf total;
    for (int64_t lane = 0; lane < L; lane++) total[lane] = totals[lane % heads];
    softmax_slope_lanes(y, dy, total, dx, entries * heads);
    return;
  }
  for (int64_t e = 0; e < entries * heads; e += heads)
    for (int64_t h = 0; h < heads; h++) dx[e + h] = y[e + h] * (dy[e + h] - totals[h]);
}

static void edge_softmax_backward(const int32_t* rowptr, const float* y, const float* dy, float* dx, int64_t first,
                                  int64_t last, int64_t heads, float* scratch) {
  for (int64_t i = first; i < last; i++) {
    const int64_t begin = rowptr[i] * heads, entries = rowptr[i + 1] - rowptr[i], n = entries * heads;
    if (L % heads == 0) {
      softmax_slope_lanes(y + begin, dy + begin, softmax_dot_lanes(y + begin, dy + begin, n, heads), dx + begin, n);
    } else {
      edge_softmax_dot(y + begin, dy + begin, scratch, entries, heads);
      edge_softmax_slope(y + begin, dy + begin, scratch, dx + begin, entries, heads);
    }
  }
}

static void gat_scores(EdgeRows a, const float* source, const float* target, float* out, int64_t first, int64_t last,
                       int64_t heads, float slope) {
  for (int64_t i = first; i < last; i++)
    for (int64_t e = a.rowptr[i]; e < a.rowptr[i + 1]; e++)
      for (int64_t h = 0; h < heads; h++) {
        float z = source[(int64_t)a.col[e] * heads + h] + target[i * heads + h];
        out[e * heads + h] = z > 0 ? z : slope * z;
      }
}

static void gat_scores_backward(EdgeRows a, const float* score, const float* dscore, float* dnode, int64_t first,
                                int64_t last, int64_t heads, float slope) {
  for (int64_t i = first; i < last; i++) {
    float* total = dnode + i * heads;
    for (int64_t h = 0; h < heads; h++) total[h] = 0;
    for (int64_t e = a.rowptr[i]; e < a.rowptr[i + 1]; e++) {
      const int64_t at = (a.order ? a.order[e] : e) * heads;
      for (int64_t h = 0; h < heads; h++) total[h] += dscore[at + h] * (score[at + h] > 0 ? 1.0f : slope);
    }
  }
}

GLEM_INLINE vf leaky(vf z, float slope) { return z > vf{} ? z : z * slope; }

template <class T>
void gatv2_scores(EdgeRows a, const T* source, const T* target, const float* att, float* out, int64_t first,
                  int64_t last, int64_t heads, int64_t width, float slope, float* scratch) {
  const int64_t d = heads * width, end = a.rowptr[last];
  for (int64_t i = first; i < last; i++)
    for (int64_t e = a.rowptr[i]; e < a.rowptr[i + 1]; e++) {
      prefetch_row(source, a.col, e, end, d, d);
      const T *left = source + (int64_t)a.col[e] * d, *right = target + i * d;
      head_sums(out + e * heads, heads, width, scratch, [&](int64_t j) {
        return leaky(load(left + j, d - j) + load(right + j, d - j), slope) * load(att + j, d - j);
      });
    }
}

template <int Vectors, class T>
GLEM_INLINE void gatv2_slope_block(EdgeRows a, const T* others, const T* own, const float* att, const float* dscore,
                                   T* down, float* sums, float* datt, int64_t first, int64_t last, int64_t heads,
                                   int64_t width, float slope, int64_t j) {
  const int64_t d = heads * width, n = d - j, end = a.rowptr[last], all = (int64_t)a.edges * heads;
  vi lanes[Vectors];
  int64_t head[Vectors];
  vf weight[Vectors], all_att[Vectors] = {};
  for (int v = 0; v < Vectors; v++) {
    head[v] = (j + v * L) / width;
    lanes[v] = head_lanes(j + v * L, d, width);
    weight[v] = load(att + j + v * L, n - v * L);
  }
  for (int64_t i = first; i < last; i++) {
    vf mine[Vectors], total[Vectors] = {};
    for (int v = 0; v < Vectors; v++) mine[v] = load(own + i * d + j + v * L, n - v * L);
    for (int64_t e = a.rowptr[i]; e < a.rowptr[i + 1]; e++) {
      prefetch_row(others + j, a.col, e, end, d, Vectors * L);
      const T* row = others + (int64_t)a.col[e] * d + j;
      const int64_t at = (a.order ? a.order[e] : e) * heads;
      for (int v = 0; v < Vectors; v++) {
        const vf z = load(row + v * L, n - v * L) + mine[v];
        const vf g = spread(dscore + at + head[v], all - at - head[v], lanes[v]);
        total[v] += z > vf{} ? g : g * slope;
        if (datt) all_att[v] += g * leaky(z, slope);
      }
    }
    for (int v = 0; v < Vectors; v++) store_sum(down, sums, i * d + j + v * L, total[v] * weight[v], n - v * L);
  }
  if (datt)
    for (int v = 0; v < Vectors; v++) store(datt + j + v * L, all_att[v], n - v * L);
}

template <class T>
void gatv2_scores_backward(EdgeRows a, const T* others, const T* own, const float* att, const float* dscore, T* down,
                           float* sums, float* datt, int64_t first, int64_t last, int64_t heads, int64_t width,
                           float slope) {
  const int64_t d = heads * width;
  int64_t j = 0;
  for (; j + 4 * L <= d; j += 4 * L)
    gatv2_slope_block<4>(a, others, own, att, dscore, down, sums, datt, first, last, heads, width, slope, j);
  for (; j < d; j += L)
    gatv2_slope_block<1>(a, others, own, att, dscore, down, sums, datt, first, last, heads, width, slope, j);
}

template <class T>
void spmm_max(EdgeRows a, const T* x, T* y, int32_t* arg, int64_t first, int64_t last, int64_t d) {
  const int64_t end = a.rowptr[last];
  for (int64_t i = first; i < last; i++) {
    const int64_t begin = a.rowptr[i];
    for (int64_t j = 0; j < d; j += L) {
      vf best{};
      vi from = vi{} - 1;
      for (int64_t e = begin; e < a.rowptr[i + 1]; e++) {
        if (j == 0 && a.col) prefetch_row(x, a.col, e, end, d, d);
        const vf row = load(x + (a.col ? a.col[e] : e) * d + j, d - j);
        const vi wins = e == begin ? vi{} - 1 : (vi)(row > best) | (vi)(row != row);
        best = wins ? row : best;
        from = wins ? vi{} + (int32_t)e : from;
      }
      store(y + i * d + j, best, d - j);
      store((float*)arg + i * d + j, (vf)from, d - j);
    }
  }
}

template <int Vectors, class T>
GLEM_INLINE void max_slope_block(EdgeRows transpose, const int32_t* arg, const T* dy, T* dx, float* sums, int64_t first,
                                 int64_t last, int64_t d, int64_t j) {
  const int64_t end = transpose.rowptr[last], n = d - j;
  for (int64_t i = first; i < last; i++) {
    vf total[Vectors] = {};
    for (int64_t e = transpose.rowptr[i]; e < transpose.rowptr[i + 1]; e++) {
      prefetch_row(arg + j, transpose.col, e, end, d, Vectors * L);
      prefetch_row(dy + j, transpose.col, e, end, d, Vectors * L);
      const int64_t row = (int64_t)transpose.col[e] * d + j;
      for (int v = 0; v < Vectors; v++) {
        const vi from = (vi)load((const float*)arg + row + v * L, n - v * L);
        total[v] += from == vi{} + transpose.order[e] ? load(dy + row + v * L, n - v * L) : vf{};
      }
    }
    for (int v = 0; v < Vectors; v++) store_sum(dx, sums, i * d + j + v * L, total[v], n - v * L);
  }
}

template <class T>
void spmm_max_backward(EdgeRows transpose, const int32_t* arg, const T* dy, T* dx, float* sums, int64_t first,
                       int64_t last, int64_t d) {
  int64_t j = 0;
  for (; j + 4 * L <= d; j += 4 * L) max_slope_block<4>(transpose, arg, dy, dx, sums, first, last, d, j);
  for (; j < d; j += L) max_slope_block<1>(transpose, arg, dy, dx, sums, first, last, d, j);
}
