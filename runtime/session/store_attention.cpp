#include "runtime/session/store.h"

namespace stemma {

void write_step_attention(const Hdf5Node& trace, const StepAttention& attention) {
  const Hdf5Node node = trace.make_group("attention");
  node.set("source", "recomputed");
  node.write("steps", attention.means, {attention.layers, attention.heads, attention.steps, attention.steps});
}

StepAttention read_step_attention(const Hdf5Node& trace, int64_t steps, int64_t layer) {
  const Hdf5Node node = trace.group("attention");
  StepAttention attention;
  attention.means = node.read<uint16_t>("steps", {-1, -1, steps, steps}, layer);
  const Shape shape = node.shape("steps");
  attention.layers = layer < 0 ? shape.at(0) : 1;
  attention.heads = shape.at(1);
  attention.steps = steps;
  return attention;
}

}  // namespace stemma
