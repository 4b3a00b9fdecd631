#include "runtime/trace/step_attention.h"

#include <algorithm>

#include "kernels/half.h"

namespace stemma {
namespace {

constexpr int64_t sums_bytes = int64_t{512} << 20;

}  // namespace

StepAttention attention_of_steps(const Model& model, const Trace& trace, const Control& control) {
  const ModelConfig& config = model.config;
  const auto steps = static_cast<int64_t>(trace.steps.size());
  StepAttention attention{config.layers, config.heads, steps, {}, {}};
  if (steps == 0) return attention;
  std::vector<int32_t> bounds{0};
  for (const Step& step : trace.steps) bounds.push_back(step.end);
  IdBuffer on(model.ops, steps + 1, 1);
  on.upload(bounds.data());

  const int64_t of_layer = config.heads * steps * steps;
  const int64_t together = std::clamp<int64_t>(sums_bytes / (of_layer * 4), 1, config.layers);
  attention.means.reserve(static_cast<size_t>(of_layer * config.layers));
  std::vector<float> host(static_cast<size_t>(of_layer));
  for (int64_t first = 0; first < config.layers; first += together) {
    const int64_t last = std::min<int64_t>(config.layers, first + together);
    Buffer sums(model.ops, (last - first) * config.heads * steps, steps);
    sums.zero();
    const auto add = [&](const Workspace& work, const KeyValueCache& cache, int64_t begin, int64_t end) {
      for (int64_t layer = first; layer < last; ++layer) {
        const auto& values = work.block(static_cast<int>(layer));
        const int64_t row = (layer - first) * config.heads * steps;
        model.ops->attention_means(
            values.query.view().slice(0, end - begin), cache.keys[static_cast<size_t>(layer)].view().slice(0, end),
            values.log_sum.view().slice(0, end - begin), on, model.heads(static_cast<int>(layer)),
            sums.view().slice(row, row + config.heads * steps));
      }
    };
    replay(model, trace, nullptr, add, "Measuring attention between steps", control);
    for (int64_t row = 0; row < sums.view().rows; row += config.heads * steps) {
      model.ops->download(host.data(), sums.view().row(row), host.size() * sizeof(float));
      for (const float mean : host) attention.means.push_back(half_of(mean));
    }
  }
  return attention;
}

}  // namespace stemma
