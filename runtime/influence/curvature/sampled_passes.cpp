#include "runtime/influence/curvature/sampled_passes.h"

namespace stemma {

void SampledPasses::start(uint64_t seed) {
  random_ = Random(seed);
  drawn_ = 0;
}

void SampledPasses::run(int64_t number, const LabelledBatch& labelled, const LinearTap& tap) {
  const Batch& batch = labelled.batch;
  for (; drawn_ < batches_.tokens_before(number); ++drawn_) random_.bits();
  std::vector<float> uniforms(batch.ids.size()), losses;
  for (float& u : uniforms) u = static_cast<float>(random_.uniform());
  drawn_ += static_cast<int64_t>(uniforms.size());
  const Tensor hidden = forward(work_, batch);
  if (top_.view().rows < batch.size()) top_ = Buffer(model_.ops, batch.size(), model_.config.width);
  const Tensor top = top_.view().slice(0, batch.size());
  loss(model_, hidden, labelled.targets, {.uniforms = uniforms.data()}, losses, top);
  backward(work_, batch, top, nullptr, &tap);
}

}  // namespace stemma
