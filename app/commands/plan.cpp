// `stemma plan`: what a fit and a scan would cost, before they run.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "app/commands/command.h"
#include "app/commands/estimate.h"
#include "app/commands/memory_fits.h"
#include "app/commands/options.h"
#include "app/commands/terminal.h"
#include "runtime/influence/attribute.h"
#include "runtime/influence/curvature/factors.h"
#include "runtime/study/rate.h"

namespace stemma {

namespace {

struct PlanArguments {
  std::string model, precision, device = "auto";
  CorpusOptions corpus;
  FitOptions fit;
  int64_t queries = 10, rank = 0;
  bool json = false;
};

constexpr int64_t query_tokens = 256;  // of a trace up to the end of a step
constexpr int64_t trace_queries = 16;  // of one trace, which a second stage scores again together

struct Stage {
  std::string name;
  double memory = 0, seconds = 0;
};

int run(const PlanArguments& options) {
  const std::optional<Precision> asked = asked_precision(options.precision, options.rank);
  const auto model = load_model(options.model, open_device(options.device));
  const Corpus corpus = options.corpus.load();
  ProgressLine line;
  Control control;
  watch(control, line);
  const Precision precision = first_stage_precision(asked, *model->ops);
  const InfluenceMemory memory = expect_memory_to_fit(
      *model, corpus,
      {&options.fit, {options.queries, query_tokens, options.fit.choice, options.rank, precision, trace_queries}},
      control);
  tell("measuring a few documents");
  std::unique_ptr<Factors> factors;
  Estimate fit = estimate_fit(*model, corpus, options.fit, control, &factors);
  Estimate scanned =
      estimate_scan(*model, factors.get(), corpus, {options.queries, query_tokens, options.rank, precision}, control);
  const int64_t together = std::min(options.queries, trace_queries);
  const double again = options.rank > 0
                           ? seconds_of_second_stages(*model, factors.get(), corpus, {together, query_tokens},
                                                      static_cast<double>((options.queries + together - 1) / together),
                                                      usual_rescored, control)
                           : 0;
  line.clear();
  std::vector<Stage> stages = {
      {"fit, covariances", memory.fit.covariances, fit.stages["covariances"]},
      {"fit, eigenbases", memory.fit.eigenbases, fit.stages["eigenbases"]},
      {"fit, eigenvalues", memory.fit.eigenvalues, fit.stages["eigenvalues"]},
      {"query gradients", memory.scan.queries, scanned.stages["query gradients"]},
      {"scan", memory.scan.peak(), scanned.stages["scanning the documents"]},
  };
  if (options.rank > 0) stages.push_back({"re-score, at most", memory.scan.tables, again});
  const double tracked = tracked_parameters(*model, options.fit.choice),
               factors_bytes = factors_file_bytes(*model, options.fit.choice),
               scores_bytes = scores_file_bytes(static_cast<int64_t>(corpus.documents.size()), options.queries);
  if (options.json) {
    nlohmann::ordered_json rows = nlohmann::ordered_json::array();
    for (const Stage& s : stages)
      rows.push_back({{"stage", s.name}, {"memory_bytes", s.memory}, {"seconds", s.seconds}});
    print_json({{"corpus", corpus_facts(corpus)},
                {"tokens", memory.tokens},
                {"tracked", tracked},
                {"pattern", options.fit.choice.pattern},
                {"blocks", options.fit.choice.blocks},
                {"queries", options.queries},
                {"rank", options.rank},
                {"precision", name_of(options.rank > 0 ? precision : Precision::f32)},
                {"device", model->ops->device()},
                {"measured_documents", fit.measured_documents},
                {"stages", rows},
                {"tokens_bytes", memory.documents},
                {"available_bytes",
                 memory.available > 0 ? nlohmann::ordered_json(memory.available) : nlohmann::ordered_json()},
                {"factors_bytes", factors_bytes},
                {"scores_bytes", scores_bytes}});
    return 0;
  }
  fmt::print("{:.2f}M tracked parameters; {} documents of {}, {} tokens; {} queries{}; on {}\n", tracked / 1e6,
             in_thousands(static_cast<int64_t>(corpus.documents.size())), in_thousands(corpus.total),
             in_thousands(memory.tokens), in_thousands(options.queries),
             options.rank > 0 ? fmt::format(" of rank {} in {}, the strongest documents scored again", options.rank,
                                            name_of(precision))
                              : "",
             model->ops->device());
  fmt::print("  {:18} {:>10} {:>14}\n", "stage", "memory", "time");
  for (const Stage& s : stages) fmt::print("  {:18} {:>10} {:>14}\n", s.name, in_bytes(s.memory), in_time(s.seconds));
  fmt::print("memory is beside the model, the corpus and its tokens ({}){}\n", in_bytes(memory.documents),
             memory.available > 0 ? fmt::format("; {} are free", in_bytes(memory.available)) : "");
  fmt::print("disk: factors {}, scores {}; times are from {} documents, measured now; nothing was written\n",
             in_bytes(factors_bytes), in_bytes(scores_bytes), fit.measured_documents);
  return 0;
}

}  // namespace

Run setup_plan(CLI::App& app) {
  auto options = std::make_shared<PlanArguments>();
  app.add_option("--model", options->model, "Hugging Face folder")->required()->type_name("DIR");
  options->corpus.declare(app, 20000);
  app.add_option("--queries", options->queries, "Steps, and one more for each trace, that are asked at once")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 40));
  app.add_option("--rank", options->rank, "Of the first of two stages, as of attribute; 0: one stage, of full rank")
      ->check(CLI::Range(int64_t{0}, int64_t{4096}));
  declare_precision(app, options->precision);
  declare_layers(app, options->fit.choice);
  declare_device(app, options->device);
  declare_json(app, options->json);
  return [options] { return run(*options); };
}

}  // namespace stemma
