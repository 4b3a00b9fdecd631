// Sums over a corpus that are formed shard by shard: each shard's own, then added to the total in the order of shards,
// so that their bits do not depend on which rank formed them.
#pragma once

#include <string>
#include <vector>

#include "kernels/ops.h"
#include "runtime/ranks/ranks.h"

namespace stemma {

class ShardSums {
 public:
  ShardSums(std::shared_ptr<Ops> ops, const Ranks& ranks) : ops_(std::move(ops)), ranks_(&ranks) {}

  // One matrix more, its total as it was kept or zero. Only rank 0 has totals.
  void add(int64_t rows, int64_t columns, const std::vector<float>& kept = {});
  size_t size() const { return parts_.size(); }
  Tensor part(size_t i) const { return parts_[i]; }  // of the shard in hand; starts at zero

  // The shard's sums, and the next one starts at zero. Alone, they stay on the device until they are taken.
  std::vector<float> made();
  void take(const std::vector<float>& made);  // made: another rank's, or one's own

  void end_parts() { parts_.clear(); }
  std::vector<float> total(size_t i) const;
  void end_total(size_t i) { totals_[i] = Buffer(); }

 private:
  std::shared_ptr<Ops> ops_;
  const Ranks* ranks_;
  std::vector<Buffer> parts_, totals_;
};

}  // namespace stemma
