// Rotary positions: the angles of each pair of columns, stretched as the config says, in f64.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "runtime/model/model.h"

namespace stemma {

namespace {

using Kind = RopeScaling::Kind;

std::vector<double> plain_frequencies(double theta, int width) {
  std::vector<double> frequencies;
  for (int i = 0; i < width / 2; ++i) frequencies.push_back(std::pow(theta, -2.0 * i / width));
  return frequencies;
}

// Llama 3.1: long waves are stretched whole, short ones not at all, those between in part.
void stretch_llama3(const RopeScaling& rope, std::vector<double>& frequencies) {
  for (double& f : frequencies) {
    const double turns = rope.original_context * f / (2 * std::numbers::pi);
    const double kept = std::clamp((turns - rope.low_frequency) / (rope.high_frequency - rope.low_frequency), 0.0, 1.0);
    f = (1 - kept) * f / rope.factor + kept * f;
  }
}

// YaRN's "by parts" (Peng et al. 2023, section 3.2): a ramp over the pairs, from `fast` turns to `slow` ones.
void stretch_yarn(const RopeScaling& rope, double theta, int width, std::vector<double>& frequencies) {
  const auto pair_of = [&](double turns) {
    return width * std::log(rope.original_context / (turns * 2 * std::numbers::pi)) / (2 * std::log(theta));
  };
  double low = pair_of(rope.fast), high = pair_of(rope.slow);
  if (rope.whole_bounds) low = std::floor(low), high = std::ceil(high);
  low = std::max(low, 0.0), high = std::min(high, width - 1.0);
  if (low == high) high += 0.001;
  for (size_t i = 0; i < frequencies.size(); ++i) {
    const double stretched = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
    frequencies[i] *= stretched / rope.factor + 1 - stretched;
  }
}

std::vector<double> frequencies_of(const ModelConfig& config, bool long_text) {
  const RopeScaling& rope = config.rope;
  std::vector<double> frequencies = plain_frequencies(config.rope_theta, config.rope_width());
  const std::vector<float>& factors = long_text ? rope.long_factors : rope.short_factors;
  switch (rope.kind) {
    case Kind::none:
      break;
    case Kind::linear:
      for (double& f : frequencies) f /= rope.factor;
      break;
    case Kind::llama3:
      stretch_llama3(rope, frequencies);
      break;
    case Kind::yarn:
      stretch_yarn(rope, config.rope_theta, config.rope_width(), frequencies);
      break;
    case Kind::longrope:
      for (size_t i = 0; i < frequencies.size(); ++i) frequencies[i] /= factors[i];
      break;
  }
  return frequencies;
}

// Rows of one position each: cosines, then sines.
void append_rows(const std::vector<double>& frequencies, double magnitude, int context, std::vector<float>& table) {
  const size_t pairs = frequencies.size();
  size_t at = table.size();
  table.resize(at + static_cast<size_t>(context) * 2 * pairs);
  for (int position = 0; position < context; ++position, at += 2 * pairs)
    for (size_t i = 0; i < pairs; ++i) {
      const double angle = position * frequencies[i];
      table[at + i] = static_cast<float>(magnitude * std::cos(angle));
      table[at + pairs + i] = static_cast<float>(magnitude * std::sin(angle));
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
