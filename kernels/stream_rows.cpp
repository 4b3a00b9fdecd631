#include "kernels/stream_rows.h"

#include <algorithm>
#include <cstring>

#include "kernels/cpu_kernels.h"

namespace stemma::cpu {
namespace {

constexpr int64_t piece = StreamRows::piece, together = StreamRows::together;
constexpr float largest = 32767, least = 1e-30f;  // below `least` numbers count as 0

// Blocks of `shared` columns to whole numbers, a scale and each piece's sum. What is no number makes the scale none.
STEMMA_CLONES void round_row(const float* x, int64_t columns, int64_t shared, int64_t rows, int16_t* whole,
                             float* scales, float* sums) {
  const int64_t pieces = shared / piece;
  for (int64_t begin = 0; begin < columns; begin += shared, x += shared, scales += rows, sums += rows * pieces) {
    float most = 0, all = 0;
#pragma omp simd reduction(max : most) reduction(+ : all)
    for (int64_t c = 0; c < shared; ++c) {
      const float size = x[c] < 0 ? -x[c] : x[c];
      most = size > most ? size : most;
      all += x[c];
    }
    const float scale = (most > least ? most / largest : 0) + (all - all), inverse = most > least ? largest / most : 0;
    for (int64_t p = 0; p < pieces; ++p, whole += rows * piece) {
      int total = 0;
#pragma omp simd reduction(+ : total)
      for (int64_t c = 0; c < piece; ++c) {
        const float value = x[p * piece + c] * inverse;
        const int number = static_cast<int>(value + (value < 0 ? -0.5f : 0.5f));
        whole[c] = static_cast<int16_t>(number);
        total += number;
      }
      sums[p] = scale * static_cast<float>(total);
    }
    *scales = scale;
  }
}

}  // namespace

RowsToRead::RowsToRead(Tensor x, int shared, RowsMemory& memory)
    : unread(shared || x.rows > 1 ? x.rows : 0), near{x.data, nullptr, nullptr, nullptr}, x_(x), shared_(shared) {
  if (shared) {
    near.whole = memory.numbers.make<int16_t>(x.size());
    near.scales = memory.scales.make(x.size() / shared + together);  // eight are loaded for the last row too
    near.sums = memory.sums.make(x.size() / piece + together);
  } else if (unread) {
    near.floats = memory.numbers.make(x.size());
  }
}

void RowsToRead::read(int64_t row) const {
  const int64_t first = row / together * together, rows = std::min(together, x_.rows - first), at = row - first;
  if (shared_) {
    const int64_t blocks = x_.columns / shared_, pieces = x_.columns / piece;
    round_row(x_.row(row), x_.columns, shared_, rows, const_cast<int16_t*>(near.whole) + first * x_.columns + at * piece,
              const_cast<float*>(near.scales) + first * blocks + at,
              const_cast<float*>(near.sums) + first * pieces + at * (shared_ / piece));
  } else {
    const int64_t pieces = x_.columns / piece;
    float* to = const_cast<float*>(near.floats) + first * pieces * piece + at * piece;
    for (int64_t i = 0; i < pieces; ++i, to += rows * piece)
      std::memcpy(to, x_.row(row) + piece * i, piece * sizeof(float));
  }
}

}  // namespace stemma::cpu
