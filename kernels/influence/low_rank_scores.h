// Queries that are products of two thin matrices, against the products of segments.
#pragma once

#include <memory>
#include <span>
#include <utility>

#include "kernels/ops.h"

namespace stemma {

// On the CPU neither product is written: blocks of both meet in its caches (cpu::low_rank_scores). Elsewhere queries
// are written out, as many at a time as memory is kept for, and each such block forms the segments' products anew.
class LowRankScores {
 public:
  // `most_numbers`: of queries that are written out together.
  explicit LowRankScores(std::shared_ptr<Ops> ops, int64_t most_numbers = 192 << 20)
      : ops_(std::move(ops)), most_numbers_(most_numbers) {}

  // scores[s][q] += <left[q]^T right[q], g[s]^T a[s]> (Ops::segment_scores). g (N,P), a (N,M), left (Q*r,P), right
  // (Q*r,M): query q's rows [q*r, q*r + r), r >= 1; scores (segments, Q). `rounded`: g, a, left and right may be
  // rounded to bf16, where the CPU multiplies that; both products and their sums are f32.
  void add(Tensor g, Tensor a, std::span<const Segment> segments, Tensor left, Tensor right, Tensor scores,
           bool rounded = false);

 private:
  std::shared_ptr<Ops> ops_;
  int64_t most_numbers_;
  Buffer queries_, block_;
};

}  // namespace stemma
