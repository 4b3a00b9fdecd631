#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/error.h"
#include "runtime/session/store.h"
#include "runtime/session/trace_head.h"

namespace stemma {

namespace {

// What keeps the parts of a trace from fitting each other; empty where they do.
std::string fault_of(const Trace& trace) {
  const std::vector<uint32_t>& offsets = trace.token_offsets;
  if (offsets.empty() || offsets.front() != 0 || offsets.back() != trace.text.size() ||
      !std::is_sorted(offsets.begin(), offsets.end())) {
    return "its token_offsets do not cut the text into its tokens";
  }
  if (trace.prompt_tokens < 0 || trace.prompt_tokens > trace.size()) return "its prompt has more tokens than the trace";
  int32_t end = 0;
  for (const Step& step : trace.steps) {
    if (step.begin != end || step.end <= step.begin || step.end > trace.size())
      return "its steps do not partition the tokens";
    end = step.end;
  }
  return end == trace.size() ? "" : "its steps do not partition the tokens";
}

void write_steps(const Hdf5Node& group, const std::vector<Step>& steps) {
  const Hdf5Node node = group.make_group("steps");
  std::vector<int32_t> begin, end;
  std::vector<std::string> kind, label, labelled_by;
  for (const Step& step : steps) {
    begin.push_back(step.begin);
    end.push_back(step.end);
    kind.emplace_back(name_of(step.kind));
    label.push_back(step.label);
    labelled_by.push_back(step.labelled_by);
  }
  const Shape shape = {static_cast<int64_t>(steps.size())};
  node.write("begin", begin, shape);
  node.write("end", end, shape);
  node.write_texts("kind", kind, shape);
  node.write_texts("label", label, shape);
  node.write_texts("labelled_by", labelled_by, shape);
}

std::vector<Step> read_steps(const Hdf5Node& group) {
  const Hdf5Node node = group.group("steps");
  const auto begin = node.read<int32_t>("begin", {-1});
  const Shape shape = {static_cast<int64_t>(begin.size())};
  const auto end = node.read<int32_t>("end", shape);
  const auto kind = node.read_texts("kind", shape);
  const auto label = node.read_texts("label", shape), labelled_by = node.read_texts("labelled_by", shape);
  std::vector<Step> steps;
  for (size_t i = 0; i < begin.size(); ++i) {
    if (kind[i] != "prompt" && kind[i] != "thought" && kind[i] != "answer")
      fail_damaged(node.place("kind"), "names an unknown kind of step");
    steps.push_back({begin[i], end[i], step_kind(kind[i]), label[i], labelled_by[i]});
  }
  return steps;
}

}  // namespace

Hdf5Node write_trace(const Hdf5Node& traces, const Trace& trace) {
  if (const std::string fault = fault_of(trace); !fault.empty()) {
    throw Error(ErrorCode::does_not_fit,
                fmt::format("{}: not written, for {}; generate the trace again", traces.place(trace.id), fault));
  }
  const Hdf5Node node = traces.make_group(link_name(trace.id));
  node.set("title", trace.title);
  node.set("model", trace.model_hash);
  node.set("system", trace.system);
  node.set("prompt", trace.prompt);
  if (!trace.expected.empty()) node.set("expected", trace.expected);
  if (!trace.thought_start.empty()) node.set("thought_start", trace.thought_start);
  node.set("seed", trace.sampler.seed);
  node.set("sampler", sampler_json(trace.sampler).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  node.set("stop_reason", trace.stop_reason);
  node.set("completed", trace.completed);
  node.set("created", trace.created);
  node.set("device", trace.device);
  node.set("prompt_tokens", trace.prompt_tokens);

  const int64_t tokens = trace.size(), alternatives = trace.alternatives;
  node.write("tokens", trace.tokens, {tokens});
  node.write_text("text", trace.text);
  node.write("token_offsets", trace.token_offsets, {tokens + 1});
  node.write("logprob", trace.logprob, {tokens});
  node.write("entropy", trace.entropy, {tokens});
  node.write("top_ids", trace.top_ids, {tokens, alternatives});
  node.write("top_logprobs", trace.top_logprobs, {tokens, alternatives});
  node.write_texts("top_texts", trace.top_texts, {tokens, alternatives});
  write_steps(node, trace.steps);
  return node;
}

Trace read_trace(const Hdf5Node& traces, const std::string& name) {
  const Hdf5Node node = traces.group(name);
  Trace trace;
  trace.id = text_of_link(name);
  trace.title = node.text("title");
  trace.model_hash = node.text("model");
  trace.system = node.text("system");
  trace.prompt = node.text("prompt");
  if (node.has_attribute("expected")) trace.expected = node.text("expected");
  if (node.has_attribute("thought_start")) trace.thought_start = node.text("thought_start");
  if (!read_sampler(node.text("sampler"), trace.sampler))
    fail_damaged(node.place(), "attribute \"sampler\" is not the JSON it should be");
  trace.stop_reason = node.text("stop_reason");
  trace.completed = node.integer("completed") != 0;
  trace.created = node.text("created");
  trace.device = node.text("device");

  trace.tokens = node.read<int32_t>("tokens", {-1});
  const int64_t tokens = static_cast<int64_t>(trace.tokens.size());
  if (tokens > INT32_MAX) fail_damaged(node.place("tokens"), "more tokens than a trace can have");
  const int64_t prompt_tokens = node.integer("prompt_tokens");
  if (prompt_tokens < 0 || prompt_tokens > tokens)
    fail_damaged(node.place(), "its prompt has more tokens than the trace");
  trace.prompt_tokens = static_cast<int32_t>(prompt_tokens);
  trace.text = node.read_text("text");
  trace.token_offsets = node.read<uint32_t>("token_offsets", {tokens + 1});
  trace.logprob = node.read<float>("logprob", {tokens});
  trace.entropy = node.read<float>("entropy", {tokens});
  trace.top_ids = node.read<int32_t>("top_ids", {tokens, -1});
  const Shape shape = node.shape("top_ids");
  if (shape.at(1) > INT32_MAX) fail_damaged(node.place("top_ids"), "more alternatives than a token can have");
  trace.alternatives = static_cast<int32_t>(shape.at(1));
  trace.top_logprobs = node.read<float>("top_logprobs", shape);
  trace.top_texts = node.read_texts("top_texts", shape);
  trace.steps = read_steps(node);
  if (const std::string fault = fault_of(trace); !fault.empty()) fail_damaged(node.place(), fault);
  return trace;
}

}  // namespace stemma
