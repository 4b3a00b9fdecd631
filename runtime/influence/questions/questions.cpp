#include "runtime/influence/questions/questions.h"

#include <fmt/format.h>

#include "runtime/error.h"
#include "runtime/trace/replay.h"

namespace stemma {
namespace {

void expect_written_by(const Model& model, const Trace& trace) {
  if (trace.model_hash != model.hash)
    throw Error(
        ErrorCode::does_not_fit,
        "trace " + trace.id + " was written by other weights than " + model.path.string() +
            " has in f32: by another model, or by this one rounded (--dtype); generate it again with f32 weights");
  check_tokens(model, trace);
}

}  // namespace

Questions questions_of_steps(const Model& model, const std::vector<const Trace*>& traces) {
  Questions questions;
  for (const Trace* trace : traces) {
    expect_written_by(model, *trace);
    TraceQueries part{trace, questions.queries.size(), {}, {}};
    for (size_t s = 0; s < trace->steps.size(); ++s) {
      const Step& step = trace->steps[s];
      if (step.kind == StepKind::prompt || step.begin < 1 || step.end <= step.begin) continue;
      part.steps.push_back(static_cast<int32_t>(s));
      questions.queries.push_back({&trace->tokens, step.begin, step.end});
    }
    if (part.steps.empty())
      throw Error(ErrorCode::does_not_fit,
                  "trace " + trace->id + " has nothing after its prompt to attribute; generate some tokens first");
    part.whole = Query{&trace->tokens, questions.queries[part.first].begin, questions.queries.back().end};
    questions.parts.push_back(std::move(part));
  }
  return questions;
}

Questions question_of_span(const Model& model, const Trace& trace, const AskedSpan& span) {
  expect_written_by(model, trace);
  if (span.begin < 1 || span.end <= span.begin || span.end > static_cast<int32_t>(trace.tokens.size()))
    throw Error(ErrorCode::usage, fmt::format("trace {} has no tokens {} to {} to ask about; give a place from 1 to {}",
                                              trace.id, span.begin, span.end - 1, trace.tokens.size() - 1));
  Questions questions;
  questions.queries.push_back({&trace.tokens, span.begin, span.end});
  int32_t step = 0;
  for (size_t s = 0; s < trace.steps.size(); ++s)
    if (trace.steps[s].begin <= span.begin) step = static_cast<int32_t>(s);
  questions.parts.push_back({&trace, 0, {step}, {}});
  if (span.against.empty()) return questions;

  std::vector<int32_t> other(trace.tokens.begin(), trace.tokens.begin() + span.begin);
  const std::vector<int32_t> text = model.tokenizer->encode(span.against);
  other.insert(other.end(), text.begin(), text.end());
  if (static_cast<int>(other.size()) > model.config.context)
    throw Error(ErrorCode::usage,
                fmt::format("the text to compare with ends at token {}, behind the model's context of {}; "
                            "give a shorter one",
                            other.size(), model.config.context));
  questions.texts.push_back(std::move(other));
  questions.against.push_back(
      {&questions.texts.back(), span.begin, static_cast<int32_t>(questions.texts.back().size())});
  return questions;
}

Questions questions_of(const Model& model, const std::vector<const Trace*>& traces,
                       const std::optional<AskedSpan>& span) {
  return span ? question_of_span(model, *traces.at(0), *span) : questions_of_steps(model, traces);
}

QueryGradients gradients_of(const Model& model, const Questions& questions, const Factors* factors) {
  if (questions.against.empty()) return query_gradients(model, questions.queries, factors);
  const QueryGradients both = query_gradients(model, {questions.queries.front(), questions.against.front()}, factors);
  QueryGradients difference;
  difference.turned = both.turned;
  for (const Buffer& layer : both.layers) {
    const Tensor rows = layer;
    Buffer& left = difference.layers.emplace_back();
    if (!rows) continue;
    left = Buffer(model.ops, 1, rows.columns);
    model.ops->copy(left.view().data, rows.data, sizeof(float) * static_cast<size_t>(rows.columns));
    model.ops->add(rows.slice(1, 2), left, -1);
  }
  difference.nats = {both.nats[0] - both.nats[1]};
  return difference;
}

}  // namespace stemma
