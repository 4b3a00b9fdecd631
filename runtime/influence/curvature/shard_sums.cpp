#include "runtime/influence/curvature/shard_sums.h"

namespace stemma {

void ShardSums::add(int64_t rows, int64_t columns, const std::vector<float>& kept) {
  parts_.emplace_back(ops_, rows, columns).zero();
  if (!ranks_->leads()) return;
  Buffer& total = totals_.emplace_back(ops_, rows, columns);
  if (kept.empty())
    total.zero();
  else
    total.upload(kept.data());
}

std::vector<float> ShardSums::made() {
  std::vector<float> all;
  if (ranks_->alone()) return all;
  size_t numbers = 0;
  for (const Buffer& part : parts_) numbers += static_cast<size_t>(part.view().size());
  all.resize(numbers);
  float* to = all.data();
  for (Buffer& part : parts_) {
    part.download(to);
    to += part.view().size();
    part.zero();
  }
  return all;
}

void ShardSums::take(const std::vector<float>& made) {
  const float* from = made.data();
  for (size_t i = 0; i < totals_.size(); ++i) {
    const Tensor total = totals_[i];
    if (made.empty()) {
      ops_->add(parts_[i], total);
      parts_[i].zero();
      continue;
    }
    Buffer part(ops_, total.rows, total.columns);
    part.upload(from);
    ops_->add(part, total);
    from += total.size();
  }
}

std::vector<float> ShardSums::total(size_t i) const {
  std::vector<float> host(static_cast<size_t>(totals_[i].view().size()));
  totals_[i].download(host.data());
  return host;
}

}  // namespace stemma
