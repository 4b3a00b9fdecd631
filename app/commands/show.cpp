#include "app/commands/show.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>

#include "app/commands/command.h"
#include "app/commands/options.h"
#include "runtime/error.h"

namespace stemma {

std::vector<const Trace*> chosen_traces(const Session& session, const ShowOptions& options) {
  std::vector<const Trace*> traces;
  for (const auto& trace : session.traces)
    if (options.trace.empty() || trace.id == options.trace) traces.push_back(&trace);
  return traces;
}

std::vector<const InfluenceTable*> chosen_tables(const Session& session, const Trace& trace,
                                                 const ShowOptions& options) {
  std::vector<const InfluenceTable*> tables;
  for (const auto& [key, table] : session.influence)
    if (key.first == trace.id && (options.method.empty() || key.second == options.method)) tables.push_back(&table);
  return tables;
}

bool shows_step(const ShowOptions& options, size_t step) {
  return options.step < 0 || static_cast<size_t>(options.step) == step;
}

int row_of(const InfluenceTable& table, size_t step) {
  const auto found = std::find(table.step_index.begin(), table.step_index.end(), static_cast<int32_t>(step));
  return found == table.step_index.end() ? -1 : static_cast<int>(found - table.step_index.begin());
}

std::vector<int32_t> strongest(const InfluenceTable& table, int row, int count, bool opponents) {
  std::vector<int32_t> documents;
  const auto& list = opponents ? table.bottom_documents : table.top_documents;
  for (int i = 0; i < std::min(count, table.top); ++i) {
    const int32_t document = list[static_cast<size_t>(row) * static_cast<size_t>(table.top) + static_cast<size_t>(i)];
    const float score = document < 0 || document >= table.documents ? 0 : table.score(row, document);
    if (opponents ? score < 0 : score > 0) documents.push_back(document);
  }
  return documents;
}

double per_nat(const InfluenceTable& table, int row, int32_t document) {
  const double nats = table.nats[static_cast<size_t>(row)];
  return nats > 0 ? table.score(row, document) / nats : std::numeric_limits<double>::quiet_NaN();
}

namespace {

void check(const Session& session, const ShowOptions& options) {
  if (!options.trace.empty() && !session.find(options.trace))
    throw Error(ErrorCode::not_found,
                options.session + ": has no trace '" + options.trace + "'; without --trace stemma show lists them");
  if (options.step < 0) return;
  const auto traces = chosen_traces(session, options);
  if (std::none_of(traces.begin(), traces.end(),
                   [&](const Trace* trace) { return static_cast<size_t>(options.step) < trace->steps.size(); }))
    throw Error(ErrorCode::not_found,
                fmt::format("{}: {} no step {}; steps are counted from 0", options.session,
                            traces.size() == 1 ? "trace " + traces[0]->id + " has" : "no trace has", options.step));
}

}  // namespace

Run setup_show(CLI::App& app) {
  auto options = std::make_shared<ShowOptions>();
  app.add_option("session", options->session, "The session to print")->required()->type_name("S.h5");
  app.add_option("--trace", options->trace, "Only this trace")->type_name("ID");
  app.add_option("--step", options->step, "Only this step, counted from 0")->check(at_least(0))->default_str("all");
  app.add_option("--documents", options->documents, "Documents per step, and as many opponents")->check(at_least(0));
  app.add_option("--method", options->method, "Only the influence found by this method")->type_name("NAME");
  app.add_flag("--tokens", options->tokens, "The shown documents' tokens that contribute most, as read and as predicted; with --json all of them");
  declare_json(app, options->json);
  return [options] {
    const Session session = open_session(options->session);
    check(session, *options);
    if (options->json)
      print_json(show_json(session, *options));
    else
      show_text(session, *options);
    return 0;
  };
}

}  // namespace stemma
