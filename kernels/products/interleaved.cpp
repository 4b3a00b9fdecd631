#include "kernels/products/interleaved.h"

#include <algorithm>
#include <cstring>

#include "kernels/divide_up.h"
#include "kernels/scratch.h"

namespace stemma::cpu {
namespace {

constexpr int64_t together = interleaved_rows;

// How many of the first bytes of a block are f16.
int64_t halves_of(WeightType type) {
  if (type == WeightType::q6_k) return 0;  // its one is last
  return format_of(type).bytes % 4 == 0 ? 4 : 2;
}

void copy(std::byte* to, const std::byte* from, int64_t length) {  // two or four, which needs no call
  length == 4 ? std::memcpy(to, from, 4) : std::memcpy(to, from, 2);
}

// Calls move(in the row, in the matrix, length) for all bytes of the rows [first, first + count), which lie in `rows`.
template <class Byte, class Move>
void each_unit(std::span<Byte> rows, const WeightMatrix& w, int64_t first, int unit, Move move) {
  const int64_t bytes = w.row_bytes(), count = static_cast<int64_t>(rows.size()) / bytes, end = first + count;
  const int64_t block = format_of(w.type).bytes, halves = halves_of(w.type);
#pragma omp parallel for schedule(static) if (count > together)
  for (int64_t group = first / together; group < divide_up(end, together); ++group) {
    const int64_t row_begin = std::max(first, group * together), row_end = std::min(end, (group + 1) * together);
    for (int64_t begin = 0; begin < bytes; begin += block)
      for (int64_t row = row_begin; row < row_end; ++row) {
        Byte* const in_row = rows.data() + (row - first) * bytes + begin;
        std::byte* const kept = w.data + (group * bytes + begin) * together;
        for (int64_t i = 0, length; i < block; i += length) {
          length = i < halves || block - i < unit ? 2 : unit;
          move(in_row + i, kept + i * together + row % together * length, length);
        }
      }
  }
}

}  // namespace

void interleave(std::span<const std::byte> rows, const WeightMatrix& to, int64_t first, const Streams& streams) {
  each_unit(rows, to, first, streams.interleaved_bytes,
            [](const std::byte* in_row, std::byte* kept, int64_t length) { copy(kept, in_row, length); });
}

void separate(const WeightMatrix& from, int64_t first, std::span<std::byte> rows, const Streams& streams) {
  each_unit(rows, from, first, streams.interleaved_bytes,
            [](std::byte* in_row, const std::byte* kept, int64_t length) { copy(in_row, kept, length); });
}

void unpack_row(const WeightMatrix& w, int64_t row, float* out, const Streams& streams) {
  const auto unpack = streams.unpack[static_cast<size_t>(w.type)];
  if (!w.interleaved) return unpack(w.row(row), w.columns, out);
  thread_local Scratch kept;
  std::byte* const apart = kept.make<std::byte>(w.row_bytes());
  separate(w, row, {apart, static_cast<size_t>(w.row_bytes())}, streams);
  unpack(apart, w.columns, out);
}

}  // namespace stemma::cpu
