#include <algorithm>
#include <cmath>

#include "kernels/attention/elements.h"

namespace stemma::cpu {

void attention_weights(Tensor q, WeightMatrix k, Heads heads, Tensor weights) {
  const int64_t width = heads.width, group = heads.query / heads.key_value, keys = k.rows;
  const int64_t first = heads.window > 0 ? std::max<int64_t>(0, keys - heads.window) : 0;
  const Elements elements(k.type);
  const float scale = heads.scale != 0 ? heads.scale : 1 / std::sqrt(static_cast<float>(width));
#pragma omp parallel for schedule(dynamic)
  for (int64_t h = 0; h < heads.query; ++h) {
    thread_local RowsScratch rounded, floats, copies;
    Rows query = elements.left(rounded, head_rows(q, 0, h, width), 1, width);
    if (elements.pairs)
      query = copy_in(floats, KeptRows{k.type, reinterpret_cast<std::byte*>(query.data), 0}, 1, width);
    float* row = weights.row(h);
    float most = -INFINITY, sum = 0;
    for (int64_t j = first; j < keys; ++j) {
      const float* key = copy_in(copies, head_rows(k, j, h / group, width), 1, width).data;
      float product = 0;
#pragma omp simd reduction(+ : product)
      for (int64_t d = 0; d < width; ++d) product += query.data[d] * key[d];
      const float score = product * scale;
      row[j] = heads.cap > 0 ? heads.cap * std::tanh(score / heads.cap) : score;
      most = std::max(most, row[j]);
    }
    std::fill_n(row, first, 0.0f);
    for (int64_t j = first; j < keys; ++j) sum += row[j] = std::exp(row[j] - most);
    for (int64_t j = first; j < keys; ++j) row[j] /= sum;
  }
}

}  // namespace stemma::cpu
