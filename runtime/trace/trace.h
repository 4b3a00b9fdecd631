// A trace: one prompt, the tokens a model wrote after it, and what is known about each of them.
//
// Model hash + tokens + seed + sampler + steps are the trace; all else can be recomputed from them.
// T tokens (prompt included), K alternatives per token, S steps.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace stemma {

inline constexpr float no_value = std::numeric_limits<float>::quiet_NaN();  // nothing was measured

struct Sampler {
  double temperature = 0;  // 0: greedy
  double top_p = 1;
  int top_k = 0;  // 0: all
  uint64_t seed = 0;
  int max_tokens = 256;
  std::vector<std::string> stop;  // texts that end the generation

  bool operator==(const Sampler&) const = default;
};

// The part of a trace that a step is.
enum class StepKind { prompt, thought, answer };
const char* name_of(StepKind kind);  // "prompt", "thought", "answer"
StepKind step_kind(const std::string& name);

// Tokens [begin, end). Steps partition the tokens: none is left out, none stands twice.
struct Step {
  int32_t begin = 0, end = 0;
  StepKind kind = StepKind::prompt;
  std::string label;        // one of the field's eight, or empty
  std::string labelled_by;  // "lexical", "person", a model's name

  bool operator==(const Step&) const = default;
};

struct Trace {
  std::string id;     // unique in its session: "t001"
  std::string title;  // the prompt's first words
  std::string model_hash;
  std::string system, prompt;
  std::string expected;  // the right answer, where the prompt came with one
  Sampler sampler;
  std::string thought_start;  // the start tag by which its model marks a thought; empty: not known
  std::string stop_reason;  // "end of text", "stop text", "max tokens", "context full", "stopped", "interrupted"
  bool completed = false;
  std::string created;  // ISO 8601, UTC
  std::string device;

  int32_t prompt_tokens = 0;
  std::vector<int32_t> tokens;         // (T)
  std::vector<uint32_t> token_offsets;  // (T+1) byte offsets of each token's text in `text`
  std::string text;                    // utf-8, special tokens as written
  std::vector<float> logprob;          // (T) nats, natural distribution (temperature 1); NaN for the first token
  std::vector<float> entropy;          // (T) nats, of the distribution each token was drawn from; NaN for the first
  int32_t alternatives = 0;            // K
  std::vector<int32_t> top_ids;        // (T, K), most likely first; -1 where not measured
  std::vector<float> top_logprobs;     // (T, K)
  std::vector<std::string> top_texts;  // (T, K) printable pieces of top_ids
  std::vector<Step> steps;             // (S)

  int32_t size() const { return static_cast<int32_t>(tokens.size()); }
  std::string token_text(int32_t i) const { return text.substr(token_offsets[i], token_offsets[i + 1] - token_offsets[i]); }
  std::string step_text(const Step& step) const {
    return text.substr(token_offsets[step.begin], token_offsets[step.end] - token_offsets[step.begin]);
  }
  // -log p(step | all before it), nats. The prompt's own first token is not counted.
  double nats(const Step& step) const;
};

// The answer: the text of the answer steps, trimmed.
std::string answer_of(const Trace& trace);
// The given answer equals the expected one; "Yes" and "No" need only begin it.
bool is_right(const std::string& given, const std::string& expected);

}  // namespace stemma
