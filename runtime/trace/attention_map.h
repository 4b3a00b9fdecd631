// From attention measured between steps to one matrix to draw and read: a layer's, of one head or the mean of all.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "runtime/session/session.h"
#include "runtime/trace/trace.h"

namespace stemma {

struct AttentionMap {
  int32_t steps = 0, layers = 0, heads = 0;
  int32_t layer = 0, head = -1;  // of these; head -1: the mean of all
  std::string trace_id, title;   // the trace's
  bool recomputed = false;       // from the tokens, just now; else it was kept in the session
  // (S,S): row i is how step i's attention falls on each step, 0..1, a row sums to 1; NaN above the diagonal, where a step
  // cannot look.
  std::vector<float> values;
  std::vector<std::string> step_texts;                          // (S) first words, on one line
  std::vector<std::pair<std::string, std::string>> provenance;  // ("trace", "t001"), ...

  float value(int32_t step, int32_t seen) const { return values[static_cast<size_t>(step) * steps + seen]; }
  bool empty() const { return steps == 0; }
};

// `origin` says how it was come by. Throws Error where the attention has other steps than the trace, or does not hold
// that layer and head (-1: all of the layer's).
AttentionMap attention_map(const Trace& trace, const StepAttention& attention, int layer, int head,
                           const std::string& origin);

// From the session's file, which is read for that layer alone, or that head of it. Archive thread. Throws Error where
// the trace has none.
AttentionMap kept_attention(const Session& session, const Trace& trace, int layer, int head);

}  // namespace stemma
