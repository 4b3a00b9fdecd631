#include "runtime/influence/attribute.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include "app/commands/attribute_inputs.h"
#include "app/commands/command.h"
#include "app/commands/estimate.h"
#include "app/commands/index_check.h"
#include "app/commands/memory_fits.h"
#include "app/commands/terminal.h"
#include "runtime/influence/index/answer.h"
#include "runtime/influence/unfinished.h"
#include "runtime/ranks/mpi_plugin.h"
#include "runtime/session/file_stamp.h"

namespace stemma {

namespace {

int64_t steps_in(const std::vector<const Trace*>& traces) {
  int64_t steps = 0;
  for (const auto* trace : traces)
    for (const auto& step : trace->steps) steps += step.kind != StepKind::prompt;
  return steps;
}

// Refuses what does not fit into memory.
InfluenceMemory expect_room(const Model& model, const Factors* factors, const FitOptions* fit, const Corpus& corpus,
                            const std::vector<const Trace*>& traces, const AttributeOptions& options,
                            const Ranks* ranks, const Control& control) {
  ScanQueries queries{steps_in(traces) + static_cast<int64_t>(traces.size()), 0,
                      factors ? factors->choice : LayerChoice(), options.rank,
                      first_stage_precision(options.precision, *model.ops)};
  for (const Trace* trace : traces) {
    queries.query_tokens = std::max<int64_t>(queries.query_tokens, trace->size());
    queries.together = std::max<int64_t>(queries.together, steps_in({trace}) + 1);
  }
  return expect_memory_to_fit(model, corpus, {fit, queries, ranks}, control);
}

// A few of the questions are made; the second stages are those of the trace that asks most, as often as all ask.
Estimate estimate_attribute(const Model& model, const Factors* factors, const Corpus& corpus,
                            const std::vector<const Trace*>& traces, const AttributeOptions& options,
                            const Control& control) {
  const Questions all = questions_to_scan(model, factors, traces, options);
  const Factors* curvature = options.method == "ekfac" ? factors : nullptr;
  const auto count = static_cast<int64_t>(all.queries.size());
  Estimate result = estimate_scan(model, curvature, corpus,
                                  {.queries = count,
                                   .rank = options.rank,
                                   .precision = first_stage_precision(options.precision, *model.ops),
                                   .asked = &all,
                                   .top = options.rank > 0 ? 0 : options.top},
                                  control);
  if (options.rank == 0) return result;
  const TraceQueries& most =
      *std::ranges::max_element(all.parts, {}, [](const auto& part) { return part.steps.size(); });
  const auto first = all.queries.begin() + static_cast<ptrdiff_t>(most.first);
  const auto own = static_cast<int64_t>(most.steps.size());
  Questions one;
  one.queries.assign(first, first + own);
  one.parts = {{most.trace, 0, most.steps, most.whole}};
  const int64_t rescored = std::max<int64_t>(options.rescore > 0 ? options.rescore : usual_rescored, options.top);
  result.seconds +=
      seconds_of_second_stages(model, curvature, corpus, {.queries = own, .asked = &one, .top = options.top},
                               static_cast<double>(count) / static_cast<double>(own), rescored, control);
  return result;
}

int dry_run(const AttributeInputs& options, const Model& model, const Factors* factors, const Corpus& corpus,
            const std::vector<const Trace*>& traces, const Control& control) {
  const bool fits = options.attribute.method == "ekfac" && !factors;
  const FitOptions fit;
  const auto memory =
      expect_room(model, factors, fits ? &fit : nullptr, corpus, traces, options.attribute, nullptr, control);
  std::unique_ptr<Factors> fitted;
  Estimate fitting;
  if (fits) fitting = estimate_fit(model, corpus, fit, control, &fitted);
  const Estimate scan =
      estimate_attribute(model, fits ? fitted.get() : factors, corpus, traces, options.attribute, control);
  const double operations = scan_operations(model.config, scan.tokens, scan.documents, steps_in(traces)) +
                            (fits ? fit_operations(model, {}, scan.documents, scan.tokens) : 0);
  if (options.json) {
    print_json({{"corpus", corpus_facts(corpus)},
                {"traces", traces.size()},
                {"steps", steps_in(traces)},
                {"tokens", scan.tokens},
                {"operations", operations},
                {"fit_seconds", fits ? nlohmann::ordered_json(fitting.seconds) : nlohmann::ordered_json()},
                {"scan_seconds", scan.seconds},
                {"measured_documents", scan.measured_documents},
                {"measured_queries", scan.measured_queries},
                {"memory_bytes", memory.scan.peak()},
                {"device", model.ops->device()}});
  } else {
    fmt::print("{} traces, {} steps against {} documents of {}, {} tokens; about {:.3g} floating-point operations\n",
               traces.size(), steps_in(traces), in_thousands(scan.documents), in_thousands(corpus.total),
               in_thousands(scan.tokens), operations);
    if (fits) fmt::print("factors: none of this model yet; fitting them takes about {}\n", in_time(fitting.seconds));
    fmt::print(
        "scan: about {} at {:.0f} tokens/s on {}, measured on {} documents and {} questions, and {} of memory; "
        "nothing was written\n",
        in_time(scan.seconds), scan.tokens_per_second, model.ops->device(), scan.measured_documents,
        scan.measured_queries, in_bytes(memory.scan.peak()));
  }
  return 0;
}

// By a scan of the corpus, with factors that are fitted first where there are none.
std::vector<InfluenceTable> by_scan(const AttributeInputs& options, const Model& model,
                                    std::unique_ptr<Factors>& factors, std::string& place, const Corpus& corpus,
                                    const std::vector<const Trace*>& traces, Ranks& ranks, const Control& control) {
  const bool fits = options.attribute.method == "ekfac" && !factors;
  const FitOptions fit{.ranks = &ranks};
  expect_room(model, factors.get(), fits ? &fit : nullptr, corpus, traces, options.attribute, &ranks, control);
  if (fits) {
    place = factors_beside(options.session).string();
    tell(harmless("no factors of this model yet: fitting them on the same documents, into " + place));
    factors = std::make_unique<Factors>(fit_factors_into(place, model, corpus, fit, control));
  }
  AttributeOptions attribution = options.attribute;
  attribution.unfinished = unfinished_path(options.session);
  attribution.ranks = &ranks;
  return attribute(model, factors.get(), corpus, traces, attribution, control);
}

int run_on(Ranks& ranks, AttributeInputs options) {
  if (!options.against.empty() && options.span.empty()) throw WrongUsage("--against compares with a --span; give both");
  if (!options.span.empty()) {
    if (options.trace.empty()) throw WrongUsage("--span asks about one trace; name it with --trace");
    options.attribute.span = span_of(options.span, options.against);
  }
  options.attribute.precision = asked_precision(options.precision, options.attribute.rank);
  const bool indexed = !options.index.empty();
  if (indexed && options.attribute.method != "ekfac") throw WrongUsage("--index answers by ekfac alone");
  if (indexed && options.dry_run) throw WrongUsage("--index answers in seconds; there is no plan of it");
  if (!indexed && options.check) throw WrongUsage("--check holds an index against a scan; give --index");
  if (!indexed && options.corpus.paths.empty())
    throw WrongUsage("give the documents with --corpus, or an --index of them");

  Session session = open_session(options.session);
  const auto traces = choose_traces(options, session);
  if (traces.empty()) {
    tell("no trace lacks a table of this method; name one with --trace to make it again");
    if (options.json) print_json({{"session", options.session}, {"tables", nlohmann::ordered_json::array()}});
    return 0;
  }
  const auto model = model_of(options, session, traces);
  std::string place;
  std::unique_ptr<Factors> factors;
  if (options.attribute.method == "ekfac") factors = find_factors(options, *model, place);

  ProgressLine line;
  Control control;
  watch(control, line);
  std::vector<InfluenceTable> tables;
  nlohmann::ordered_json corpus_told, check;
  if (indexed) {
    if (!ranks.leads()) return 0;
    if (!factors)
      throw Error(ErrorCode::not_found,
                  "an index is asked with the factors that it was made with, and none are beside "
                  "the model or the session; name them with --factors");
    IndexSearch search(model, std::move(factors), options.index);
    tables = answer(search, traces, options.attribute, control);
    if (options.check) check = check_index(options.attribute, search, traces, control);
  } else {
    const Corpus corpus = options.corpus.load();
    corpus_told = corpus_facts(corpus);
    if (options.dry_run) {
      if (!ranks.leads()) return 0;
      control.report = {};
      return dry_run(options, *model, factors.get(), corpus, traces, control);
    }
    tables = by_scan(options, *model, factors, place, corpus, traces, ranks, control);
  }
  line.clear();
  if (!ranks.leads()) return 0;

  if (!is_same_file(options.session)) session = load_session(options.session);  // what was saved meanwhile stays
  nlohmann::ordered_json made = nlohmann::ordered_json::array();
  for (auto& table : tables) {
    if (!session.find(table.trace_id)) continue;
    made.push_back({{"trace", table.trace_id},
                    {"method", table.method},
                    {"steps", table.steps},
                    {"documents", table.documents},
                    {"seconds", table.seconds},
                    {"additivity", table.additivity},
                    {"searched", table.searched},
                    {"search_seconds", table.search_seconds},
                    {"late", indexed ? nlohmann::ordered_json(table.late) : nlohmann::ordered_json()}});
    if (const FirstStage& first = table.first_stage; first.rank > 0)
      made.back()["first_stage"] = {{"rank", first.rank},
                                    {"precision", name_of(first.precision)},
                                    {"rescored", first.rescored},
                                    {"error", first.error},
                                    {"recall_at_100", first.recall}};
    session.influence[{table.trace_id, table.method}] = std::move(table);
  }
  save_session(session, options.session);
  if (!indexed) remove_unfinished(options.session);
  if (options.json) {
    print_json({{"session", options.session},
                {"factors", place.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(place)},
                {"corpus", corpus_told},
                {"device", model->ops->device()},
                {"tables", made},
                {"check", check}});
    return 0;
  }
  for (const auto& table : made) {
    const auto documents = in_thousands(table["documents"].get<int>());
    const auto rows = table["steps"].get<int>();
    const std::string asked = options.attribute.span ? "a question" : fmt::format("{} steps", rows);
    const std::string against =
        indexed ? fmt::format(
                      "{} of {} documents, found in {} and scored exactly (the last of them brought {:.1f} % of the "
                      "first places)",
                      documents, in_thousands(table["searched"].get<int64_t>()),
                      in_time(table["search_seconds"].get<double>()), 100 * table["late"].get<double>())
                : documents + " documents";
    const auto additivity = table["additivity"].get<double>();
    fmt::print("{}: {} against {} by {} in {}{}\n", table["trace"].get<std::string>(), asked, against,
               harmless(table["method"].get<std::string>()), in_time(table["seconds"].get<double>()),
               std::isnan(additivity) ? "" : fmt::format("; steps add up to the whole within {:.1e}", additivity));
    if (table.contains("first_stage"))
      fmt::print("  scanned at rank {} in {}, {} documents scored again exactly; recall@100 of the scan {:.3f}\n",
                 table["first_stage"]["rank"].get<int>(), table["first_stage"]["precision"].get<std::string>(),
                 in_thousands(table["first_stage"]["rescored"].get<int>()),
                 table["first_stage"]["recall_at_100"].get<double>());
  }
  if (!check.is_null()) print_index_check(check);
  return 0;
}

int run(const AttributeInputs& options) {
  Ranks ranks = launched_ranks();
  return ranks.together([&] { return run_on(ranks, options); });
}

}  // namespace

Run setup_attribute(CLI::App& app) {
  auto options = std::make_shared<AttributeInputs>();
  app.add_option("session", options->session, "The session whose traces to attribute")->required()->type_name("S.h5");
  options->corpus.declare(app, 20000);
  app.get_option("--corpus")->required(false);
  app.add_option("--index", options->index, "An index of the documents (stemma index), asked instead of the corpus")
      ->type_name("I.h5");
  app.add_option("--factors", options->factors,
                 "Curvature factors; else the model's own factors.h5, else they are fitted")
      ->type_name("F.h5");
  app.add_option("--method", options->attribute.method, "How documents are scored")
      ->check(CLI::IsMember({"ekfac", "gradient"}));
  app.add_option("--rank", options->attribute.rank,
                 "Scan in two stages: with queries of this rank, then the strongest again, exactly (32 serves well); "
                 "0: exactly at once")
      ->check(CLI::Range(0, 4096));
  declare_precision(app, options->precision);
  app.add_option(
         "--rescore", options->attribute.rescore,
         "The strongest of each question that are scored exactly after a scan of low rank (1,000) or a search of an "
         "index (until the last 100 brought at most 3 of the first 100, at most 1,000)")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 24));
  app.add_option("--trace", options->trace, "One trace; else every trace without a table of this method")
      ->type_name("ID");
  app.add_option("--span", options->span, "Ask about these tokens of the trace instead of its steps: 12 or 12-19")
      ->type_name("TOKENS");
  app.add_option("--against", options->against, "What made the span likelier than this text in its place")
      ->check(CLI::Validator([](const std::string& text) { return std::string(text.empty() ? "an empty text" : ""); }, ""))
      ->type_name("TEXT");
  app.add_flag("--check", options->check, "Hold the index against a scan of all its documents, and print the recall");
  app.add_option("--top", options->attribute.top,
                 "Documents kept per step, and as many opponents; 0: none is shown, the scores are all")
      ->check(at_least(0));
  app.add_option("--model", options->model, "The model's folder, where it has moved")->type_name("DIR");
  declare_device(app, options->device);
  app.add_flag("--dry-run", options->dry_run, "Print steps, tokens, operations and the estimated time; write nothing");
  declare_json(app, options->json);
  return [options] { return run(*options); };
}

}  // namespace stemma
