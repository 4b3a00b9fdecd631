#include "kernels/products/stream_rows.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "kernels/cpu_kernels.h"
#include "kernels/divide_up.h"
#include "kernels/half.h"

namespace stemma::cpu {
namespace {

constexpr int64_t piece = StreamRows::piece, together = StreamRows::together;
constexpr int64_t wide = 64;                                // columns of a part
constexpr float largest = 127 * 256 + 127, least = 1e-30f;  // below `least` numbers count as 0

// Pieces to whole numbers, a scale and sums. What is no number makes the scale none.
STEMMA_CLONES void round_row(const float* x, int64_t columns, int64_t rows, bool bytes, std::byte* whole, float* scales,
                             float* sums, int* totals) {
  for (int64_t begin = 0; begin < columns; begin += piece, x += piece, whole += rows * StreamRows::of_piece,
               scales += rows, sums += rows, totals += 2 * rows) {
    int32_t most_bits = 0;  // floats without their sign are in the order of their bits, and what is no number is above
#pragma omp simd reduction(max : most_bits)
    for (int64_t c = 0; c < piece; ++c) {
      const int32_t size = std::bit_cast<int32_t>(x[c]) & 0x7FFFFFFF;
      most_bits = size > most_bits ? size : most_bits;
    }
    const auto most = std::bit_cast<float>(most_bits);
    const float scale = most > least ? most / largest + (most - most) : most - most,
                inverse = most > least ? largest / most : 0;
    int16_t words[piece];
    for (int half = 0; half < 2; ++half) {
      int total = 0;
#pragma omp simd reduction(+ : total)
      for (int64_t c = half * piece / 2; c < (half + 1) * piece / 2; ++c) {
        const float value = x[c] * inverse;
        const float nearest = value + (value < 0 ? -0.5f : 0.5f);
        const int number = nearest == nearest ? static_cast<int>(nearest) : 0;
        words[c] = static_cast<int16_t>(number);
        total += number;
      }
      totals[half] = total;
    }
    if (bytes) {
      int8_t apart[2 * piece];
#pragma omp simd
      for (int64_t c = 0; c < piece; ++c) {
        apart[c] = static_cast<int8_t>((words[c] + 128) >> 8);
        apart[piece + c] = static_cast<int8_t>(words[c]);
      }
      std::memcpy(whole, apart, sizeof apart);
    } else {
      std::memcpy(whole, words, sizeof words);
    }
    *sums = scale * static_cast<float>(totals[0] + totals[1]);
    *scales = scale;
  }
}

STEMMA_CLONES void halve_row(const float* x, int64_t columns, int64_t rows, uint16_t* halves) {
  for (int64_t begin = 0; begin < columns; begin += piece, halves += rows * piece) {
    const int64_t count = columns - begin < piece ? columns - begin : piece;
#pragma omp simd
    for (int64_t c = 0; c < count; ++c) halves[c] = bf16_of(x[begin + c]);
    for (int64_t c = count; c < piece; ++c) halves[c] = 0;
  }
}

template <class Number>
Number* writable(const Number* numbers) {
  return const_cast<Number*>(numbers);
}

}  // namespace

RowsToRead::RowsToRead(Tensor x, RowForm form, RowsMemory& memory)
    : near{x.data, nullptr, nullptr, nullptr, nullptr, nullptr}, x_(x), form_(form) {
  unread = form == RowForm::floats && x.rows == 1 ? 0 : divide_up(x.rows, together) * divide_up(x.columns, wide);
  if (form == RowForm::floats) {
    if (unread) near.floats = memory.numbers.make(x.size());
  } else if (form == RowForm::bf16) {
    near.halves = memory.numbers.make<uint16_t>(x.rows * (x.columns + piece));
  } else {
    near.whole = memory.numbers.make<std::byte>(x.size() / piece * StreamRows::of_piece);
    near.scales = memory.scales.make(x.size() / piece + together);  // eight are loaded for the last row too
    near.sums = memory.sums.make(x.size() / piece + together);
    near.totals = memory.totals.make<int>(2 * (x.size() / piece + together));
  }
}

void RowsToRead::read(int64_t part) const {
  const int64_t parts = divide_up(x_.columns, wide), first = part / parts * together, begin = part % parts * wide;
  const int64_t rows = std::min(together, x_.rows - first), columns = std::min(wide, x_.columns - begin);
  const int64_t pieces = (form_ == RowForm::bf16 ? x_.columns + piece - 1 : x_.columns) / piece;
  const int64_t before = first * pieces + begin / piece * rows;  // pieces of this group that lie before the part
  for (int64_t at = 0; at < rows; ++at) {
    const float* const from = x_.row(first + at) + begin;
    const int64_t to = (before + at) * piece;
    if (form_ == RowForm::floats) {
      for (int64_t i = 0; i < columns / piece; ++i)
        std::memcpy(writable(near.floats) + to + i * rows * piece, from + piece * i, piece * sizeof(float));
    } else if (form_ == RowForm::bf16) {
      halve_row(from, columns, rows, writable(near.halves) + to);
    } else {
      round_row(from, columns, rows, form_ == RowForm::bytes, writable(near.whole) + 2 * to,
                writable(near.scales) + before + at, writable(near.sums) + before + at,
                writable(near.totals) + 2 * (before + at));
    }
  }
}

}  // namespace stemma::cpu
