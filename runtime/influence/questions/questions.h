// What is asked about traces, as queries: every step of each, or one span of tokens, alone or against another text.
#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "runtime/influence/questions/asked_span.h"
#include "runtime/influence/questions/query.h"
#include "runtime/trace/trace.h"

namespace stemma {

// The queries of one trace: rows of its table.
struct TraceQueries {
  const Trace* trace = nullptr;
  size_t first = 0;            // among all queries
  std::vector<int32_t> steps;  // each row's step
  std::optional<Query> whole;  // where they are steps: the completion, against which they are checked
};

struct Questions {
  std::vector<Query> queries;
  std::vector<TraceQueries> parts;
  std::vector<Query> against;              // empty, or one for the one query
  std::deque<std::vector<int32_t>> texts;  // that `against` looks into
};

// Every step after the prompt of every trace. Throws Error: of another model; nothing after the prompt.
Questions questions_of_steps(const Model& model, const std::vector<const Trace*>& traces);
// One span. Throws Error: outside the trace, or its first token, before which nothing stands.
Questions question_of_span(const Model& model, const Trace& trace, const AskedSpan& span);

// Of the one trace's span where one is asked, else of the steps.
Questions questions_of(const Model& model, const std::vector<const Trace*>& traces,
                       const std::optional<AskedSpan>& span);

// Gradients of all queries, before preconditioning; a contrast's is the difference of its two.
QueryGradients gradients_of(const Model& model, const Questions& questions, const Factors* factors = nullptr);

}  // namespace stemma
