// Weights as they are stored, for products of f32: unpacked a panel of rows at a time, which stays in the caches.
#pragma once

#include <algorithm>
#include <vector>

#include "kernels/products/interleaved.h"
#include "kernels/products/streams.h"
#include "kernels/weight_matrix.h"

namespace stemma::cpu {

// `multiply(first, count, numbers)` gets rows first .. first + count - 1 of w as (count, w.columns), until it returns.
template <class Multiply>
void each_panel(const WeightMatrix& w, const Streams& streams, Multiply multiply) {
  constexpr int64_t most = 1 << 20, together = 16;  // numbers of a panel; rows that a product takes together
  const int64_t height = std::min(w.rows, std::max(together, most / w.columns / together * together));
  thread_local std::vector<float> unpacked;
  unpacked.resize(static_cast<size_t>(height * w.columns));
  float* to = unpacked.data();
  for (int64_t first = 0; first < w.rows; first += height) {
    const int64_t count = std::min(height, w.rows - first);
#pragma omp parallel for schedule(static)
    for (int64_t r = 0; r < count; ++r) unpack_row(w, first + r, to + r * w.columns, streams);
    multiply(first, count, to);
  }
}

}  // namespace stemma::cpu
