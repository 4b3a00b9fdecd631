#include "runtime/model/decoding.h"

#include <algorithm>

#include "runtime/model/forward_parts.h"

namespace stemma {

// Other texts, or other sites: other calls.
void Decoding::begin(std::span<KeyValueCache* const> caches, const std::vector<Site>& sites) {
  const ModelConfig& config = work_.model().config;
  const auto n = static_cast<int64_t>(caches.size());
  recording_.reset();
  caches_.assign(caches.begin(), caches.end());
  sites_ = sites;
  places_.clear();
  int64_t numbers = n * config.vocabulary;
  for (const Site site : sites) {
    places_.push_back(numbers);
    numbers += n * width_of(config, site);
  }
  if (numbers > made_.view().columns) made_ = Buffer(work_.model().ops, 1, numbers);
  host_.resize(static_cast<size_t>(numbers));
}

std::span<const float> Decoding::step(const std::vector<int32_t>& ids, std::span<KeyValueCache* const> caches,
                                      const std::vector<Site>& sites) {
  const Model& model = work_.model();
  Ops& ops = *model.ops;
  const auto n = static_cast<int32_t>(ids.size());
  if (!std::ranges::equal(caches, caches_) || sites != sites_) begin(caches, sites);
  Batch batch;
  batch.ids = ids;
  for (int32_t row = 0; row < n; ++row) {
    batch.positions.push_back(static_cast<int32_t>(caches[static_cast<size_t>(row)]->length));
    batch.segments.push_back({row, row + 1, row, row + 1});
  }
  enter(work_, batch, caches);
  ops.repeat(recording_, [&] {
    size_t next = 0;
    const Taps taps{[&](Site site) { return next < sites.size() && sites[next] == site; },
                    [&](Site, Tensor value) {
                      ops.copy(made_.view().data + places_[next++], value.data,
                               sizeof(float) * static_cast<size_t>(value.size()));
                    }};
    const Tensor hidden = run_decoder(work_, batch, caches, &taps);
    logits(model, hidden, {made_.view().data, n, model.config.vocabulary});
  });
  leave(batch, caches);
  ops.download(host_.data(), made_.view().data, sizeof(float) * host_.size());
  return {host_.data(), static_cast<size_t>(n) * static_cast<size_t>(model.config.vocabulary)};
}

}  // namespace stemma
