#include "runtime/trace/attention_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <span>

#include "runtime/error.h"
#include "runtime/model/utf8.h"

namespace stemma {
namespace {

constexpr size_t words = 96;  // bytes of a step's text that are kept

std::string first_words(const Trace& trace, const Step& step) {
  std::string text = trace.step_text(step).substr(0, 4 * words), line;
  for (const char c : text) {
    const bool white = c == ' ' || c == '\n' || c == '\t' || c == '\r';
    if (white ? !line.empty() && line.back() != ' ' : true) line += white ? ' ' : c;
  }
  if (line.size() > words) {
    size_t end = words;
    while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xC0) == 0x80) --end;
    line = line.substr(0, end) + "…";
  }
  return printable(line);
}

// (S,S), of as many numbers.
std::vector<float> values_of(const StepAttention& attention, int layer, int head, size_t matrix) {
  if (attention.layer >= 0 && head < 0) return attention.mean;
  const int64_t heads = head < 0 ? attention.heads : 1;
  std::span<const uint16_t> means(attention.means);
  if (attention.layer < 0)
    means = means.subspan(static_cast<size_t>(layer * attention.heads + std::max(head, 0)) * matrix,
                          static_cast<size_t>(heads) * matrix);
  return mean_of_heads(means, heads);
}

}  // namespace

AttentionMap attention_map(const Trace& trace, const StepAttention& attention, int layer, int head,
                           const std::string& origin) {
  const auto steps = static_cast<int64_t>(trace.steps.size());
  const auto matrix = static_cast<size_t>(steps * steps);
  const bool all = attention.layer < 0;
  const auto held = static_cast<size_t>(all ? attention.layers * attention.heads : 1) * matrix;
  if (attention.steps != steps || layer < 0 || layer >= attention.layers || head < -1 || head >= attention.heads ||
      attention.heads < 1 || (!all && (layer != attention.layer || head != attention.head)) ||
      (all || head >= 0 ? attention.means.size() : attention.mean.size()) != held)
    throw Error(
        ErrorCode::usage,
        fmt::format("trace {}: there is no attention of layer {}, head {}; it has layers 0 to {} and heads 0 to {}",
                    trace.id, layer, head, attention.layers - 1, attention.heads - 1));
  AttentionMap map;
  map.steps = static_cast<int32_t>(steps);
  map.layers = static_cast<int32_t>(attention.layers);
  map.heads = static_cast<int32_t>(attention.heads);
  map.layer = layer;
  map.head = head;
  map.trace_id = trace.id;
  map.title = trace.title;
  map.values = values_of(attention, layer, head, matrix);
  for (int64_t i = 0; i < steps; ++i) {
    const auto row = map.values.begin() + i * steps;
    std::fill(row + i + 1, row + steps, std::numeric_limits<float>::quiet_NaN());
  }
  for (const Step& step : trace.steps) map.step_texts.push_back(first_words(trace, step));
  map.provenance = {{"trace", trace.id},
                    {"model hash", trace.model_hash},
                    {"seed", std::to_string(trace.sampler.seed)},
                    {"device", trace.device},
                    {"layer", std::to_string(layer)},
                    {"head", head < 0 ? fmt::format("mean of {}", attention.heads) : std::to_string(head)},
                    {"attention", origin}};
  return map;
}

AttentionMap kept_attention(const Session& session, const Trace& trace, int layer, int head) {
  constexpr const char* origin = "of every pair of steps, means over their tokens, measured when the trace was written";
  const auto held = session.attention.find(trace.id);
  if (held != session.attention.end() && held->second) return attention_map(trace, *held->second, layer, head, origin);
  return attention_map(trace, read_step_attention(session.path, trace.id, layer, head), layer, head, origin);
}

}  // namespace stemma
