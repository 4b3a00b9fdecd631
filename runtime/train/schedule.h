// Which documents each optimiser step reads, and at which rate: fixed by corpus, seed and configuration alone.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "runtime/corpus/packing.h"
#include "runtime/random.h"
#include "runtime/train/train.h"

namespace stemma {

class Schedule {
 public:
  Schedule(const TrainConfig& config, const std::vector<std::vector<int32_t>>& documents) : config_(config) {
    const auto count = static_cast<int64_t>(documents.size());
    auto wanted = static_cast<int64_t>(std::llround(config.passes * static_cast<double>(count)));
    for (uint64_t pass = 0; wanted > 0; ++pass) {
      std::vector<int32_t> order(documents.size());
      for (int32_t i = 0; i < count; ++i) order[i] = i;
      Random(config.seed * 1000003 + pass).shuffle(order);
      order.resize(static_cast<size_t>(std::min(wanted, count)));
      order_.insert(order_.end(), order.begin(), order.end());
      wanted -= count;
    }
    borders_ = pack(documents, order_, std::max<int64_t>(1, config.batch_tokens / config.accumulation));
    steps_ = (static_cast<int64_t>(borders_.size()) - 1 + config.accumulation - 1) / config.accumulation;
  }

  int64_t steps() const { return steps_; }
  // The parts of step `step`, each a list of documents.
  std::vector<std::vector<int32_t>> parts(int64_t step) const {
    std::vector<std::vector<int32_t>> result;
    const auto runs = static_cast<int64_t>(borders_.size()) - 1;
    for (int64_t r = step * config_.accumulation; r < std::min(runs, (step + 1) * config_.accumulation); ++r)
      result.emplace_back(order_.begin() + borders_[r], order_.begin() + borders_[r + 1]);
    return result;
  }
  // Linear warm-up, then a cosine down to the final rate.
  double rate(int64_t step) const {
    const double warm = std::max(1.0, config_.warmup * static_cast<double>(steps_)), at = static_cast<double>(step) + 1;
    if (at <= warm) return config_.rate * at / warm;
    const double share = (at - warm) / std::max(1.0, static_cast<double>(steps_) - warm);
    return config_.final_rate + (config_.rate - config_.final_rate) * 0.5 * (1 + std::cos(3.141592653589793 * share));
  }

 private:
  const TrainConfig& config_;
  std::vector<int32_t> order_;
  std::vector<int64_t> borders_;
  int64_t steps_ = 0;
};

}  // namespace stemma
