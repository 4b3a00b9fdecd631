#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <QGuiApplication>
#include <algorithm>
#include <memory>

#include "app/commands/command.h"
#include "app/commands/options.h"
#include "app/commands/terminal.h"
#include "app/figures/build_figures.h"
#include "runtime/error.h"

namespace stemma {

namespace {

struct ExportArguments {
  std::string session, figure, model, out, trace, method, quantity = "norm", tokens = "read";
  std::string device = "auto";
  int step = -1, document = -1, documents = 8, token = -1, layer = -1, head = -1;
};

const InfluenceTable* table_of(const Session& session, const Trace& trace, const std::string& method) {
  if (!method.empty()) return session.table(trace.id, method);
  for (const char* preferred : {"ekfac", "gradient"}) {
    if (const InfluenceTable* table = session.table(trace.id, preferred)) return table;
  }
  for (const auto& [key, table] : session.influence) {
    if (key.first == trace.id) return &table;
  }
  return nullptr;
}

// The trace asked for; else the first one that the figure can be drawn of, else the first.
const Trace& trace_of(const Session& session, const ExportArguments& options) {
  if (!options.trace.empty()) {
    if (const Trace* trace = session.find(options.trace)) return *trace;
    throw Error(ErrorCode::not_found, options.session + ": has no trace '" + options.trace + "'; stemma show lists them");
  }
  if (session.traces.empty()) throw Error(ErrorCode::not_found, options.session + ": holds no trace; stemma generate adds one");
  for (const Trace& trace : session.traces) {
    const auto sites = session.activations.find(trace.id);
    if (options.figure == "attention-row") return trace;
    if (options.figure == "attention" ? session.attention.contains(trace.id)
        : options.figure == "activations" ? sites != session.activations.end() && !sites->second.empty()
                                        : table_of(session, trace, options.method) != nullptr) {
      return trace;
    }
  }
  return session.traces.front();
}

const InfluenceTable& attributed(const Session& session, const Trace& trace, const ExportArguments& options) {
  if (const InfluenceTable* table = table_of(session, trace, options.method)) return *table;
  throw Error(ErrorCode::not_found, fmt::format("{}: trace {} has no documents{}; stemma attribute finds them", options.session, trace.id,
                                                options.method.empty() ? "" : " found by '" + options.method + "'"));
}

// The step asked for; else the one the model was least certain of, whose documents say most.
int step_of(const InfluenceTable& table, const ExportArguments& options) {
  if (options.step >= 0 || table.nats.empty()) return options.step;
  return table.step_index[static_cast<size_t>(std::max_element(table.nats.begin(), table.nats.end()) - table.nats.begin())];
}

int document_of(const InfluenceTable& table, int step, const ExportArguments& options) {
  if (options.document >= 0 || table.top == 0) return options.document;
  const auto row = std::find(table.step_index.begin(), table.step_index.end(), step);
  if (row == table.step_index.end()) return -1;
  return table.top_documents[static_cast<size_t>(row - table.step_index.begin()) * static_cast<size_t>(table.top)];
}

Figure activations_of(const Session& session, const Trace& trace, const ExportArguments& options,
                      const FigureOrigin& origin) {
  const auto found = session.activations.find(trace.id);
  const std::vector<std::string> sites = found == session.activations.end() ? std::vector<std::string>{} : found->second;
  return activation_figure(recorded_map(session.path, trace, sites, activation_quantity(options.quantity)), origin);
}

Figure attention_of(const Session& session, const Trace& trace, const ExportArguments& options,
                    const FigureOrigin& origin) {
  const auto facts = session.models.find(trace.model_hash);
  const int last = facts == session.models.end() ? 0 : facts->second.layers - 1;
  return attention_figure(kept_attention(session, trace, options.layer < 0 ? last : options.layer, options.head), origin);
}

// The token asked for; else the first word of the answer, else the last token that the model read.
int token_of(const Trace& trace, const ExportArguments& options) {
  if (options.token >= 0) return options.token;
  for (const Step& step : trace.steps)
    for (int token = step.begin; step.kind == StepKind::answer && token < std::min(step.end, trace.size() - 1); ++token)
      if (trace.token_text(token).find_first_not_of(" \n\t") != std::string_view::npos) return token;
  return trace.size() - 2;
}

// Computed now, by the model that wrote the trace.
Figure attention_row_of(const Session& session, const Trace& trace, const ExportArguments& options,
                        const FigureOrigin& origin) {
  const std::string folder = options.model.empty() ? remembered_model(session, trace.model_hash) : options.model;
  ProgressLine line;
  Control control;
  watch(control, line);
  AttentionRows rows(load_model(folder, open_device(options.device)), std::make_shared<const Trace>(trace));
  const int layer = options.layer < 0 ? rows.layers() - 1 : options.layer;
  const auto recorded = recorded_residual(session, trace, layer);
  rows.prepare(layer, recorded ? &*recorded : nullptr, control);
  line.clear();
  return attention_row_figure(trace, rows.row(token_of(trace, options), layer, options.head), origin);
}

Figure build(const Session& session, const ExportArguments& options) {
  const Trace& trace = trace_of(session, options);
  const FigureOrigin origin = figure_origin(session, trace);
  if (options.figure == "activations") return activations_of(session, trace, options, origin);
  if (options.figure == "attention") return attention_of(session, trace, options, origin);
  if (options.figure == "attention-row") return attention_row_of(session, trace, options, origin);
  const InfluenceTable& table = attributed(session, trace, options);
  const int step = step_of(table, options);
  if (options.figure == "step") return step_figure(trace, table, step, options.documents, origin);
  return document_figure(trace, table, step, document_of(table, step, options),
                         options.tokens == "predicted" ? TokenPart::predicted : TokenPart::read, origin);
}

int draw(const ExportArguments& options) {
  expect_folder_of(options.out);
  const Figure figure = build(open_session(options.session), options);
  // Drawing needs fonts but no display; what the desktop's theme would change is left out.
  qputenv("QT_QPA_PLATFORM", "offscreen");
  qInstallMessageHandler([](QtMsgType, const QMessageLogContext&, const QString&) {});  // what fails is thrown, in one sentence
  int count = 1;
  char name[] = "stemma";
  char* arguments[] = {name, nullptr};
  const QGuiApplication application(count, arguments);
  export_figure(figure, options.out);
  return 0;
}

}  // namespace

Run setup_export(CLI::App& app) {
  auto options = std::make_shared<ExportArguments>();
  app.add_option("session", options->session, "The session to draw from")->required()->type_name("S.h5");
  app.add_option("--figure", options->figure,
                 "step: a step and its documents; document: a document's tokens; activations: layers x tokens; "
                 "attention: steps x steps; attention-row: what one token looks at, computed now")
      ->required()
      ->check(CLI::IsMember({"step", "document", "activations", "attention", "attention-row"}))
      ->type_name("NAME");
  app.add_option("--out", options->out, "Where to write it; the ending says how: .svg, .pdf, .png or .csv")->required()->type_name("FILE");
  app.add_option("--trace", options->trace, "Of this trace")->type_name("ID")->default_str("the first that has it");
  app.add_option("--step", options->step, "Of this step, counted from 0")
      ->check(at_least(0))
      ->default_str("the least certain");
  app.add_option("--document", options->document,
                 "With document: its number among those scanned, as stemma show --json prints it")
      ->check(at_least(0))
      ->default_str("the strongest");
  app.add_option("--tokens", options->tokens, "With document: what tokens add as they are read, or as they are predicted")
      ->check(CLI::IsMember({"read", "predicted"}))
      ->type_name("PART");
  app.add_option("--documents", options->documents, "With step: documents on each side")->check(at_least(0));
  app.add_option("--method", options->method, "The influence found by this method")->type_name("NAME")->default_str("ekfac");
  app.add_option("--layer", options->layer, "With attention and attention-row: of this layer")
      ->check(at_least(0))
      ->default_str("the last");
  app.add_option("--head", options->head, "With attention and attention-row: of this head; -1: the mean of all")
      ->check(CLI::Range(-1, 1 << 20));
  app.add_option("--token", options->token, "With attention-row: of this token, counted from 0")
      ->check(at_least(0))
      ->default_str("the first word of the answer");
  app.add_option("--model", options->model, "With attention-row: the model's folder, where it has moved")
      ->type_name("DIR");
  declare_device(app, options->device);
  app.add_option("--quantity", options->quantity, "With activations: norm, change or cosine")
      ->check(CLI::IsMember({"norm", "change", "cosine"}))
      ->type_name("NAME");
  return [options] { return draw(*options); };
}

}  // namespace stemma
