// Rotary positions: the angles of each pair of columns, stretched as the config says. In f32 and in the order in which
// transformers computes them: what f32 rounds of a frequency, thousands of positions multiply.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "runtime/model/model.h"

namespace stemma {

namespace {

using Kind = RopeScaling::Kind;

// theta^(2 i / width) of each pair, the reciprocals of its frequencies.
std::vector<float> plain_periods(float theta, int width) {
  std::vector<float> periods;
  for (int i = 0; i < width / 2; ++i) {
    const float exponent = static_cast<float>(2 * i) / static_cast<float>(width);
    periods.push_back(static_cast<float>(std::pow(static_cast<double>(theta), static_cast<double>(exponent))));
  }
  return periods;
}

// Llama 3.1: long waves are stretched whole, short ones not at all, those between in part.
float stretched_llama3(const RopeScaling& rope, float frequency) {
  const auto original = static_cast<float>(rope.original_context);
  const float wave = static_cast<float>(2 * std::numbers::pi) / frequency;
  if (wave > original / rope.low_frequency) return frequency / rope.factor;
  if (wave < original / rope.high_frequency) return frequency;
  const float kept = (original / wave - rope.low_frequency) / (rope.high_frequency - rope.low_frequency);
  return (1 - kept) * frequency / rope.factor + kept * frequency;
}

// YaRN's "by parts" (Peng et al. 2023, section 3.2): a ramp over the pairs, from `fast` turns to `slow` ones.
std::vector<float> yarn_frequencies(const RopeScaling& rope, double theta, int width,
                                    const std::vector<float>& periods) {
  const auto pair_of = [&](double turns) {
    return width * std::log(rope.original_context / (turns * 2 * std::numbers::pi)) / (2 * std::log(theta));
  };
  double low = pair_of(rope.fast), high = pair_of(rope.slow);
  if (rope.whole_bounds) low = std::floor(low), high = std::ceil(high);
  low = std::max(low, 0.0), high = std::min(high, width - 1.0);
  if (low == high) high += 0.001;
  std::vector<float> frequencies;
  for (size_t i = 0; i < periods.size(); ++i) {
    const float ramp = (static_cast<float>(i) - static_cast<float>(low)) / static_cast<float>(high - low);
    const float kept = 1 - std::clamp(ramp, 0.0f, 1.0f);
    frequencies.push_back(1 / (rope.factor * periods[i]) * (1 - kept) + 1 / periods[i] * kept);
  }
  return frequencies;
}

std::vector<float> frequencies_of(const ModelConfig& config, bool long_text) {
  const RopeScaling& rope = config.rope;
  std::vector<float> frequencies = plain_periods(config.rope_theta, config.rope_width());
  if (rope.kind == Kind::yarn) return yarn_frequencies(rope, config.rope_theta, config.rope_width(), frequencies);
  const std::vector<float>& factors = long_text ? rope.long_factors : rope.short_factors;
  for (size_t i = 0; i < frequencies.size(); ++i) {
    float& f = frequencies[i];
    f = 1 / (rope.kind == Kind::longrope ? factors[i] * f : f);
    if (rope.kind == Kind::linear) f /= rope.factor;
    if (rope.kind == Kind::llama3) f = stretched_llama3(rope, f);
  }
  return frequencies;
}

std::vector<float> plain_frequencies(float theta, int width) {
  std::vector<float> frequencies = plain_periods(theta, width);
  for (float& f : frequencies) f = 1 / f;
  return frequencies;
}

// Rows of one position each: cosines, then sines.
void append_rows(const std::vector<float>& frequencies, float magnitude, int context, std::vector<float>& table) {
  const size_t pairs = frequencies.size();
  size_t at = table.size();
  table.resize(at + static_cast<size_t>(context) * 2 * pairs);
  for (int position = 0; position < context; ++position, at += 2 * pairs)
    for (size_t i = 0; i < pairs; ++i) {
      const auto angle = static_cast<double>(static_cast<float>(position) * frequencies[i]);
      table[at + i] = magnitude * static_cast<float>(std::cos(angle));
      table[at + pairs + i] = magnitude * static_cast<float>(std::sin(angle));
    }
}

Buffer on_device(const std::vector<float>& table, int64_t columns, std::shared_ptr<Ops> ops) {
  Buffer buffer(std::move(ops), static_cast<int64_t>(table.size()) / columns, columns);
  buffer.upload(table.data());
  return buffer;
}

}  // namespace

Buffer rope_table(const ModelConfig& config, std::shared_ptr<Ops> ops) {
  std::vector<float> table;
  append_rows(frequencies_of(config, false), config.rope.magnitude, config.context, table);
  if (config.long_factors(config.context))
    append_rows(frequencies_of(config, true), config.rope.magnitude, config.context, table);
  return on_device(table, config.rope_width(), std::move(ops));
}

void make_rope_tables(Model& model) {
  const ModelConfig& config = model.config;
  const auto uses = [&](RopeUse use) {
    return std::any_of(config.kinds.begin(), config.kinds.end(), [use](const LayerKind& k) { return k.rope == use; });
  };
  if (config.kinds.empty() || uses(RopeUse::global)) model.rope = rope_table(config, model.ops);
  if (!uses(RopeUse::local)) return;
  std::vector<float> table;
  append_rows(plain_frequencies(config.local_rope_theta, config.rope_width()), 1, config.context, table);
  model.local_rope = on_device(table, config.rope_width(), model.ops);
}

}  // namespace stemma
