#include "runtime/trace/attention_map.h"

#include <fmt/format.h>

#include <limits>

#include "kernels/half.h"
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

}  // namespace

AttentionMap attention_map(const Trace& trace, const StepAttention& attention, int layers, int layer, int head,
                           const std::string& origin) {
  const auto steps = static_cast<int64_t>(trace.steps.size());
  const int64_t held = attention.layers == 1 ? 0 : layer;
  if (attention.steps != steps || layer < 0 || held < 0 || held >= attention.layers || layer >= layers || head < -1 ||
      head >= attention.heads ||
      attention.means.size() != static_cast<size_t>(attention.layers * attention.heads * steps * steps))
    throw Error(ErrorCode::usage,
                fmt::format("trace {}: there is no attention of layer {}, head {}; it has layers 0 to {} and heads 0 to {}",
                            trace.id, layer, head, layers - 1, attention.heads - 1));
  AttentionMap map;
  map.steps = static_cast<int32_t>(steps);
  map.layers = layers;
  map.heads = static_cast<int32_t>(attention.heads);
  map.layer = layer;
  map.head = head;
  map.trace_id = trace.id;
  map.title = trace.title;
  map.values.assign(static_cast<size_t>(steps * steps), std::numeric_limits<float>::quiet_NaN());
  const int64_t first = head < 0 ? 0 : head, last = head < 0 ? attention.heads : head + 1;
  for (int64_t i = 0; i < steps; ++i)
    for (int64_t j = 0; j <= i; ++j) {
      float sum = 0;
      for (int64_t h = first; h < last; ++h)
        sum += float_of(attention.means[static_cast<size_t>(((held * attention.heads + h) * steps + i) * steps + j)]);
      map.values[static_cast<size_t>(i * steps + j)] = sum / static_cast<float>(last - first);
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
  const auto facts = session.models.find(trace.model_hash);
  const int layers = facts == session.models.end() ? layer + 1 : facts->second.layers;
  constexpr const char* origin = "of every pair of steps, means over their tokens, measured when the trace was written";
  const auto held = session.attention.find(trace.id);
  if (held != session.attention.end() && held->second)
    return attention_map(trace, *held->second, layers, layer, head, origin);
  if (layer < 0 || layer >= layers)
    throw Error(ErrorCode::usage,
                fmt::format("trace {}: there is no layer {}; its model has layers 0 to {}", trace.id, layer, layers - 1));
  return attention_map(trace, read_step_attention(session.path, trace.id, layer), layers, layer, head, origin);
}

}  // namespace stemma
