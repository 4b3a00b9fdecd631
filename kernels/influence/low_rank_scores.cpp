#include "kernels/influence/low_rank_scores.h"

#include <algorithm>

#include "kernels/cpu_kernels.h"

namespace stemma {
namespace {

Tensor room(const std::shared_ptr<Ops>& ops, Buffer& buffer, int64_t rows, int64_t columns) {
  if (buffer.view().size() < rows * columns) buffer = Buffer(ops, 1, rows * columns);
  return {buffer.view().data, rows, columns};
}

}  // namespace

void LowRankScores::add(Tensor g, Tensor a, std::span<const Segment> segments, Tensor left, Tensor right,
                        Tensor scores, bool rounded) {
  if (ops_->device() == "cpu") return cpu::low_rank_scores(g, a, segments, left, right, scores, rounded);
  const int64_t count = scores.columns, size = g.columns * a.columns;
  if (count == 0 || size == 0) return;
  const int64_t rank = left.rows / count, together = std::clamp<int64_t>(most_numbers_ / size, 1, count);
  for (int64_t first = 0; first < count; first += together) {
    const int64_t last = std::min(count, first + together);
    const Tensor queries = room(ops_, queries_, last - first, size);
    for (int64_t q = first; q < last; ++q)
      ops_->matmul(left.slice(q * rank, (q + 1) * rank), true, right.slice(q * rank, (q + 1) * rank), false,
                   {queries.row(q - first), g.columns, a.columns});
    if (together == count) return ops_->segment_scores(g, a, segments, queries, scores);
    const Tensor block = room(ops_, block_, scores.rows, last - first);
    ops_->zero(block.data, sizeof(float) * static_cast<size_t>(block.size()));
    ops_->segment_scores(g, a, segments, queries, block);
    for (int64_t s = 0; s < scores.rows; ++s)
      ops_->add({block.row(s), 1, last - first}, {scores.row(s) + first, 1, last - first});
  }
}

}  // namespace stemma
