#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "app/commands/command.h"
#include "app/commands/disk_fits.h"
#include "app/commands/estimate.h"
#include "app/commands/memory_fits.h"
#include "app/commands/options.h"
#include "app/commands/terminal.h"
#include "runtime/influence/curvature/factors.h"
#include "runtime/ranks/mpi_plugin.h"
#include "runtime/session/file_kind.h"

namespace stemma {

namespace {

struct FitArguments {
  std::string model, out, device = "auto";
  CorpusOptions corpus;
  FitOptions fit;
  bool dry_run = false, json = false;
};

// Factors may be written over factors, and over nothing else that is worth something.
void expect_own_place(const std::filesystem::path& file) {
  std::error_code none;
  if (!std::filesystem::exists(file, none) || std::filesystem::is_empty(file, none) ||
      kind_of_hdf5(file) == "stemma-factors")
    return;
  throw Error(ErrorCode::usage,
              file.string() +
                  ": is there already and holds no curvature factors; choose another file with --out, or "
                  "move this one away");
}

int dry_run(const FitArguments& options, const Model& model, const Corpus& corpus, const Control& control) {
  const auto memory = expect_memory_to_fit(model, corpus, {.fit = &options.fit}, control);
  const Estimate cost = estimate_fit(model, corpus, options.fit, control);
  const double operations = fit_operations(model, options.fit.choice, cost.documents, cost.tokens);
  if (options.json) {
    print_json({{"corpus", corpus_facts(corpus)},
                {"tokens", cost.tokens},
                {"operations", operations},
                {"measured_documents", cost.measured_documents},
                {"tokens_per_second", cost.tokens_per_second},
                {"seconds", cost.seconds},
                {"memory_bytes", memory.fit.peak()},
                {"device", model.ops->device()}});
  } else {
    fmt::print("{} documents of {}, {} tokens; about {:.3g} floating-point operations\n", in_thousands(cost.documents),
               in_thousands(corpus.total), in_thousands(cost.tokens), operations);
    fmt::print("about {} at {:.0f} tokens/s on {}, measured on {} documents, and {} of memory; nothing was written\n",
               in_time(cost.seconds), cost.tokens_per_second, model.ops->device(), cost.measured_documents,
               in_bytes(memory.fit.peak()));
  }
  return 0;
}

int run_on(Ranks& ranks, FitArguments& options) {
  if (!options.dry_run) {
    if (options.out.empty()) throw WrongUsage("--out is required: the factors file to write, F.h5");
    expect_folder_of(options.out);
    expect_own_place(options.out);
  }
  const auto model = load_model(options.model, open_device(options.device));
  const Corpus corpus = options.corpus.load();
  ProgressLine line;
  Control control;
  watch(control, line);
  if (options.dry_run) {
    if (!ranks.leads()) return 0;
    control.report = {};
    return dry_run(options, *model, corpus, control);
  }
  options.fit.ranks = &ranks;
  expect_memory_to_fit(*model, corpus, {.fit = &options.fit}, control);
  if (ranks.leads())
    expect_disk_to_fit(options.out, factors_file_bytes(*model, options.fit.choice), "the factors",
                       "--blocks 4 or --layers mlp would take less");
  const Factors factors = fit_factors_into(options.out, *model, corpus, options.fit, control);
  line.clear();
  if (!ranks.leads()) return 0;
  if (options.json) {
    print_json({{"factors", options.out},
                {"hash", factors.hash},
                {"model", factors.model_hash},
                {"corpus", corpus_facts(corpus)},
                {"documents", factors.documents},
                {"tokens", factors.tokens},
                {"layers", factors.layers.size()},
                {"pattern", factors.choice.pattern},
                {"blocks", factors.choice.blocks},
                {"seed", factors.seed},
                {"seconds", factors.seconds},
                {"device", factors.device}});
  } else {
    fmt::print("{}: curvature of {} layers{} from {} documents, {} tokens, in {} on {}\n", options.out,
               factors.layers.size(), factors.choice.blocks > 1 ? fmt::format(" in {} blocks", factors.choice.blocks) : "", in_thousands(factors.documents), in_thousands(factors.tokens),
               in_time(factors.seconds), factors.device);
  }
  return 0;
}

int run(FitArguments& options) {
  Ranks ranks = launched_ranks();
  return ranks.together([&] { return run_on(ranks, options); });
}

}  // namespace

Run setup_fit(CLI::App& app) {
  auto options = std::make_shared<FitArguments>();
  app.add_option("--model", options->model, "Hugging Face folder")->required()->type_name("DIR");
  options->corpus.declare(app, 20000);
  app.add_option("--out", options->out, "Factors file to write")->type_name("F.h5");
  app.add_option("--seed", options->fit.seed, "Of the labels drawn from the model");
  declare_layers(app, options->fit.choice);
  declare_device(app, options->device);
  app.add_flag("--dry-run", options->dry_run,
               "Print documents, tokens, operations and the estimated time; write nothing");
  declare_json(app, options->json);
  return [options] { return run(*options); };
}

}  // namespace stemma
