#include <fmt/format.h>
#include <fmt/ostream.h>

#include <algorithm>
#include <cmath>

#include "app/commands/study_parts.h"

namespace stemma {
namespace {

// The completion's whole score, or that of the first step that names the answer.
using Scorer = std::vector<float> (*)(const Outcome&, const InfluenceTable&);

std::vector<float> of_completion(const Outcome&, const InfluenceTable& table) { return completion_scores(table); }

std::vector<float> of_naming_step(const Outcome& outcome, const InfluenceTable& table) {
  int32_t row = table.steps - 1;
  for (int32_t s = table.steps; s-- > 0;)
    if (outcome.trace.step_text(outcome.trace.steps[static_cast<size_t>(table.step_index[s])])
            .find(outcome.asked.answer) != std::string::npos)
      row = s;
  const auto begin = table.scores.begin() + std::ptrdiff_t{row} * table.documents;
  return {begin, begin + table.documents};
}

// Rank of the first document that states the fact; 0 where none of the sample does.
int64_t rank_of(const Outcome& outcome, const std::vector<float>& scores, const Corpus& corpus) {
  const Retrieval r = retrieval({outcome}, {scores}, corpus);
  return r.queries ? std::llround(1 / r.reciprocal) : 0;
}

// A person steps through the trace: does some step name the document? And where the whole completion does not, why not.
void write_steps_of_facts(std::ostream& out, const Corpus& corpus, const std::vector<Outcome>& outcomes,
                          const std::vector<InfluenceTable>& tables) {
  int facts = 0, first = 0, in_ten = 0, steps = 0;
  std::string missed;
  for (size_t i = 0; i < outcomes.size(); ++i) {
    const InfluenceTable& table = tables[i];
    const int64_t whole = rank_of(outcomes[i], completion_scores(table), corpus);
    if (whole == 0) continue;
    int64_t best = table.documents;
    std::string each;
    for (int32_t s = 0; s < table.steps; ++s) {
      const auto row = table.scores.begin() + std::ptrdiff_t{s} * table.documents;
      const int64_t rank = rank_of(outcomes[i], {row, row + table.documents}, corpus);
      best = std::min(best, rank);
      each += fmt::format("{}{:.3f} nats, {}", s ? "; " : "", table.nats[static_cast<size_t>(s)], rank);
    }
    ++facts;
    steps += table.steps;
    first += best == 1;
    in_ten += best <= 10;
    if (whole > 10) missed += fmt::format("| {} | {} | {} |\n", outcomes[i].asked.prompt, whole, each);
  }
  if (!facts) return;
  fmt::print(
      out,
      "\nStep by step, EK-FAC: a document that states the fact is first at one of the completion's steps for {:.1f} % "
      "of the {} facts, and among the first 10 at one of them for {:.1f} % ({:.1f} steps a completion, so as many "
      "chances).\n",
      100.0 * first / facts, facts, 100.0 * in_ten / facts, double(steps) / facts);
  if (!missed.empty())
    fmt::print(out,
               "\nThe completions whose first 10 hold none, by EK-FAC:\n\n| asked | rank of the first that states it | "
               "each step's nats and rank |\n|---|---|---|\n{}",
               missed);
}

}  // namespace

void write_facts(std::ostream& out, const Model& model, const Factors& factors, const Corpus& corpus,
                 const std::vector<Outcome>& with, const std::vector<Outcome>& without, const Control& control) {
  fmt::print(out,
             "Is the document that states it found? Each fact answered right is traced among {} documents. A document "
             "counts when its text "
             "states the fact asked for.\n\n"
             "| query | method | facts | first | in the first 10 | mean reciprocal rank |\n|---|---|---|---|---|---|\n",
             corpus.documents.size());
  const auto row = [&](const char* query, const std::string& method, const std::vector<Outcome>& outcomes,
                       const std::vector<InfluenceTable>& tables, Scorer scorer) {
    std::vector<std::vector<float>> scores;
    for (size_t i = 0; i < outcomes.size(); ++i) scores.push_back(scorer(outcomes[i], tables[i]));
    const Retrieval r = retrieval(outcomes, scores, corpus);
    fmt::print(out, "| {} | {} | {} | {:.1f} % | {:.1f} % | {:.3f} |\n", query,
               method == "ekfac" ? "EK-FAC" : "gradient dot product", r.queries, 100 * r.first, 100 * r.in_ten,
               r.reciprocal);
    out.flush();
  };
  std::vector<InfluenceTable> curved;
  for (const std::string method : {"ekfac", "gradient"}) {
    {
      const auto tables = tables_of(model, factors, corpus, without, method, control);
      row("the answer, with an empty thought", method, without, tables, of_completion);
    }
    const auto tables = tables_of(model, factors, corpus, with, method, control);
    row("the step that names the answer", method, with, tables, of_naming_step);
    row("the whole completion with its thought", method, with, tables, of_completion);
    if (method == "ekfac") curved = tables;
  }
  write_steps_of_facts(out, corpus, with, curved);
  fmt::print(out, "\n");
}

}  // namespace stemma
