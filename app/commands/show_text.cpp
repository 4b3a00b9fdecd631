#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <numeric>

#include "app/commands/show.h"
#include "app/commands/terminal.h"
#include "runtime/influence/tables/certainty.h"
#include "runtime/trace/capture_check.h"

namespace stemma {

namespace {

template <class... Arguments>
void print(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  std::cout << fmt::format(format, std::forward<Arguments>(arguments)...);
}

std::string short_hash(const std::string& hash) { return hash.empty() ? "none" : snippet(hash, 12); }

std::string sampler_of(const Sampler& sampler) {
  if (sampler.temperature == 0) return "greedy";
  std::string text = fmt::format("temperature {}", sampler.temperature);
  if (sampler.top_p < 1) text += fmt::format(", top-p {}", sampler.top_p);
  if (sampler.top_k > 0) text += fmt::format(", top-k {}", sampler.top_k);
  return text + fmt::format(", seed {}", sampler.seed);
}

void print_provenance(const InfluenceTable& table) {
  print("  influence by {}: {} of {} documents, {} on {}, {}\n", table.method, in_thousands(table.documents),
        in_thousands(table.corpus_documents), in_time(table.seconds), table.device, table.created);
  print("    model {}, factors {}, corpus {}; by {}\n", short_hash(table.model_hash), short_hash(table.factors_hash),
        short_hash(table.corpus_hash), table.program);
  if (table.top == 0) print("    {}\n", only_scores_kept);
  if (!table.index_hash.empty())
    print(
        "    from index {}: {} documents searched in {} by their estimates, the {} most promising scored exactly; the last of "
        "these brought {:.1f} % of the first places\n",
        short_hash(table.index_hash), in_thousands(table.searched), in_time(table.search_seconds),
        in_thousands(table.documents), 100 * table.late);
  if (!std::isnan(table.additivity))
    print("    check: of the documents shown, the steps' scores add up to the whole completion's within {:.1e}\n", table.additivity);
  if (const FirstStage& first = table.first_stage; first.rank > 0)
    print(
        "    scanned at rank {} (which leaves out {:.2g} of a query){}, {} documents scored again exactly; recall@100 "
        "{:.3f}\n",
        first.rank, first.error,
        first.precision == Precision::bf16 ? " with weights and what meets them rounded to bf16" : "", first.rescored,
        first.recall);
}

void print_head(const Session& session, const Trace& trace, const std::vector<const InfluenceTable*>& tables) {
  print("\n{}  {}\n", trace.id, snippet(trace.title, 100));
  const auto model = session.models.find(trace.model_hash);
  if (model != session.models.end()) {
    const auto& facts = model->second;
    print("  model {} ({}, {} layers, width {}, {}) at {}, hash {}\n", harmless(facts.name),
          harmless(facts.architecture), facts.layers, facts.width, harmless(facts.dtype), harmless(facts.path),
          short_hash(facts.hash));
  }
  print("  {} tokens, {} of them the prompt; {}; {}; on {}, {}\n", trace.size(), trace.prompt_tokens,
        sampler_of(trace.sampler), trace.completed ? trace.stop_reason : "incomplete: " + trace.stop_reason,
        trace.device, trace.created);
  if (!trace.expected.empty())
    print("  answered \"{}\", {}\n", snippet(answer_of(trace), 60),
          is_right(answer_of(trace), trace.expected) ? "as expected" : "expected \"" + snippet(trace.expected, 60) + "\"");
  const auto recorded = session.activations.find(trace.id);
  const auto check = session.checks.find(trace.id);
  if (recorded == session.activations.end() || recorded->second.empty())
    print("  activations: {}; the window computes them again from the tokens\n",
          check == session.checks.end()
              ? "none recorded"
              : "recorded, but " + activations_path(session.path).filename().string() + " is missing or damaged");
  else if (recorded->second.size() == 1)
    print("  activations recorded: {}\n", recorded->second.front());
  else
    print("  activations recorded: {} sites, {} to {}\n", recorded->second.size(), recorded->second.front(),
          recorded->second.back());
  if (check != session.checks.end())
    print("    check: {}\n", words_of(check->second));
  else if (recorded != session.activations.end() && !recorded->second.empty())
    print("    check: none was made; it takes the last block's hook_resid_post\n");
  for (const auto* table : tables) print_provenance(*table);
  if (tables.empty()) print("  influence: none yet; stemma attribute finds it\n");
}

// The tokens of a document that add most to its score, either way.
void print_tokens(const ShownDocument& shown, int row, TokenPart part) {
  constexpr size_t most = 5;
  const auto scores = shown.scores_of(part, row);
  std::vector<size_t> order(scores.size());
  std::iota(order.begin(), order.end(), size_t{0});
  const size_t count = std::min(most, order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
                    [&](size_t a, size_t b) { return std::abs(scores[a]) > std::abs(scores[b]); });
  print("          {}", part == TokenPart::read ? "read     " : "predicted");
  for (size_t i = 0; i < count; ++i) {
    const auto begin = shown.token_offsets[order[i]], end = shown.token_offsets[order[i] + 1];
    print("  \"{}\" {:+.2g}", snippet(shown.text.substr(begin, end - begin), 20), scores[order[i]]);
  }
  print("{}\n", scores.empty() ? "  not in this session" : "");
}

void print_documents(const InfluenceTable& table, int row, const ShowOptions& options) {
  for (const bool opponents : {false, true}) {
    int rank = 0;
    for (const auto document : strongest(table, row, options.documents, opponents)) {
      const auto* shown = table.find(document);
      const auto at = static_cast<size_t>(document);
      const double ratio = per_nat(table, row, document);
      print("    {} {:>2}  {:+.4g} nats  {}  {}  {}  {}\n", opponents ? "-" : "+", ++rank, table.score(row, document),
            std::isnan(ratio) ? "" : fmt::format("{:+.4g} per nat", ratio), snippet(table.document_sources[at], 24),
            snippet(table.document_ids[at], 60), shown ? snippet(shown->text, 90) : "");
      if (options.tokens && shown)
        for (const TokenPart part : {TokenPart::read, TokenPart::predicted}) print_tokens(*shown, row, part);
    }
  }
}

void print_step(const Trace& trace, size_t index, const std::vector<const InfluenceTable*>& tables,
                const ShowOptions& options) {
  const Step& step = trace.steps[index];
  const double nats = trace.nats(step);
  print("\n  step {}  {}{}  {}{}  {}\n", index, name_of(step.kind),
        step.label.empty() ? "" : " (" + snippet(step.label, 40) + ")",
        step.kind == StepKind::prompt || std::isnan(nats) ? "" : fmt::format("{:.3f} nats  ", nats),
        AskedSpan{step.begin, step.end, ""}.name(), snippet(trace.step_text(step), 160));
  for (const auto* table : tables) {
    const int row = row_of(*table, index);
    if (row < 0) continue;
    print("    by {}, of {} documents ranked\n", table->method, in_thousands(table->documents));
    if (all_but_certain(*table, row))
      print(
          "    ! the model was all but certain of {} (under {} nats): the gradient is tiny and the ranking says "
          "little\n",
          table->asked ? "these tokens" : "this step", certain_step_nats);
    print_documents(*table, row, options);
  }
}

}  // namespace

void print_trace_line(const Session& session, const Trace& trace) {
  std::string methods;
  for (const auto& [key, table] : session.influence)
    if (key.first == trace.id) methods += (methods.empty() ? "" : ", ") + key.second;
  print("  {}  {}  {} tokens, {} steps, {}{}\n", trace.id, snippet(trace.title, 60), trace.size(), trace.steps.size(),
        trace.completed ? trace.stop_reason : "incomplete: " + trace.stop_reason,
        methods.empty() ? "" : "; influence: " + harmless(methods));
}

void show_text(const Session& session, const ShowOptions& options) {
  print("{}: session of {} {}{}\n", options.session, session.traces.size(), session.traces.size() == 1 ? "trace" : "traces",
        session.program.empty() ? "" : ", made by " + harmless(session.program) + ", " + harmless(session.created));
  const auto traces = chosen_traces(session, options);
  for (const auto* trace : traces) print_trace_line(session, *trace);
  for (const auto* trace : traces) {
    const auto tables = chosen_tables(session, *trace, options);
    print_head(session, *trace, tables);
    for (size_t i = 0; i < trace->steps.size(); ++i)
      if (shows_step(options, i)) print_step(*trace, i, tables, options);
  }
}

}  // namespace stemma
