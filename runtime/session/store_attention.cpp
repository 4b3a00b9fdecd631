#include <fmt/format.h>

#include <algorithm>

#include "kernels/half.h"
#include "runtime/error.h"
#include "runtime/session/store.h"

namespace stemma {

std::vector<float> mean_of_heads(std::span<const uint16_t> means, int64_t heads) {
  const size_t numbers = means.size() / static_cast<size_t>(std::max<int64_t>(1, heads));
  std::vector<float> mean(numbers);
  for (size_t first = 0; first < means.size(); first += numbers)  // as they lie
    for (size_t i = 0; i < numbers; ++i) mean[i] += float_of(means[first + i]);
  for (float& value : mean) value /= static_cast<float>(heads);
  return mean;
}

void write_step_attention(const Hdf5Node& trace, const StepAttention& attention) {
  const Hdf5Node node = trace.make_group("attention");
  node.set("source", "recomputed");
  node.write("steps", attention.means, {attention.layers, attention.heads, attention.steps, attention.steps});
  const auto of_layer = static_cast<size_t>(attention.heads * attention.steps * attention.steps);
  std::vector<float> means;
  for (size_t layer = 0; layer < static_cast<size_t>(attention.layers); ++layer) {
    const auto mean = mean_of_heads(std::span(attention.means).subspan(layer * of_layer, of_layer), attention.heads);
    means.insert(means.end(), mean.begin(), mean.end());
  }
  node.write("mean", means, {attention.layers, attention.steps, attention.steps});
}

StepAttention read_step_attention(const Hdf5Node& trace, int64_t steps, int64_t layer, int64_t head) {
  const Hdf5Node node = trace.group("attention");
  const Shape shape = node.shape("steps");
  if (shape.size() != 4) fail_damaged(node.place("steps"), "is no attention between steps");
  if (layer >= shape[0] || head >= shape[1])
    throw Error(ErrorCode::usage,
                fmt::format("{}: there is no attention of layer {}, head {}; it has layers 0 to {} and heads 0 to {}",
                            node.place(), layer, head, shape[0] - 1, shape[1] - 1));
  StepAttention attention{shape[0], shape[1], steps, {}, {}, layer, head};
  const auto read = [&](const Shape& part) { return node.read<uint16_t>("steps", {-1, -1, steps, steps}, part); };
  if (layer < 0)
    attention.means = read({});
  else if (head >= 0)
    attention.means = read({layer, head});
  else if (node.has("mean"))
    attention.mean = node.read<float>("mean", {shape[0], steps, steps}, {layer});
  else
    attention.mean = mean_of_heads(read({layer}), shape[1]);
  return attention;
}

}  // namespace stemma
