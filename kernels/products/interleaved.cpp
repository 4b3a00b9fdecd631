#include "kernels/products/interleaved.h"

#include <algorithm>
#include <cstring>

#include "kernels/scratch.h"

namespace stemma::cpu {
namespace {

constexpr int64_t together = interleaved_rows, pair = 2, near = 64;  // bytes of each row that are moved in turn

// Calls move(in the row, in the matrix) for each pair of bytes of the rows [first, first + count), which lie in `rows`.
template <class Byte, class Move>
void each_pair(Byte* rows, int64_t count, const WeightMatrix& w, int64_t first, Move move) {
  const int64_t bytes = w.row_bytes(), end = first + count;
#pragma omp parallel for schedule(static) if (count > together)
  for (int64_t group = first / together; group < (end + together - 1) / together; ++group) {
    const int64_t row_begin = std::max(first, group * together), row_end = std::min(end, (group + 1) * together);
    std::byte* const kept = w.data + group * together * bytes;
    for (int64_t begin = 0; begin < bytes; begin += near)
      for (int64_t row = row_begin; row < row_end; ++row)
        for (int64_t i = begin; i < std::min(begin + near, bytes); i += pair)
          move(rows + (row - first) * bytes + i, kept + i * together + row % together * pair);
  }
}

}  // namespace

void interleave(std::span<const std::byte> rows, const WeightMatrix& to, int64_t first) {
  each_pair(rows.data(), static_cast<int64_t>(rows.size()) / to.row_bytes(), to, first,
            [](const std::byte* in_row, std::byte* kept) { std::memcpy(kept, in_row, pair); });
}

void separate(const WeightMatrix& from, int64_t first, std::span<std::byte> rows) {
  each_pair(rows.data(), static_cast<int64_t>(rows.size()) / from.row_bytes(), from, first,
            [](std::byte* in_row, const std::byte* kept) { std::memcpy(in_row, kept, pair); });
}

void unpack_row(const WeightMatrix& w, int64_t row, float* out, const Streams& streams) {
  const auto unpack = streams.unpack[static_cast<size_t>(w.type)];
  if (!w.interleaved) return unpack(w.row(row), w.columns, out);
  thread_local Scratch kept;
  std::byte* const apart = kept.make<std::byte>(w.row_bytes());
  separate(w, row, {apart, static_cast<size_t>(w.row_bytes())});
  unpack(apart, w.columns, out);
}

}  // namespace stemma::cpu
