// `stemma bench`: the project's own benchmarks, each held against what the processor can do, measured in the same run.
#include <CLI/CLI.hpp>
#include <memory>

#include "app/commands/bench_attribute.h"
#include "app/commands/bench_tokenize.h"
#include "app/commands/command.h"
#include "app/commands/options.h"

namespace stemma {

namespace {

Run setup_attribute_bench(CLI::App& app) {
  auto options = std::make_shared<BenchAttribute>();
  app.add_option("--shape", options->shape, "A random model of 1M, 10M or 124M parameters")
      ->check(CLI::IsMember({"demo", "10m", "124m"}));
  app.add_option("--queries", options->queries, "Scans, by their numbers of queries")
      ->delimiter(',')
      ->check(CLI::Range(1, 10000));
  app.add_option("--documents", options->documents, "Random documents; 0: as many as take some seconds")
      ->check(CLI::Range(0, 10000000));
  app.add_option("--tokens", options->tokens, "Tokens of a document; 0: 50 for demo, 512 else")
      ->check(CLI::Range(0, 2048));
  app.add_option("--repeat", options->repeat, "Times each is run; the best counts")->check(CLI::Range(1, 1000));
  app.add_flag("--processor-time", options->processor_time,
               "Count the processor's seconds, not the wall's: for one thread on a machine that others use");
  declare_device(app, options->device);
  declare_json(app, options->json);
  return [options] { return bench_attribute(*options); };
}

Run setup_tokenize_bench(CLI::App& app) {
  auto options = std::make_shared<BenchTokenize>();
  app.add_option("--model", options->model, "A tokenizer's file or folder")->required();
  app.add_option("--text", options->text, "A file of text")->required();
  app.add_option("--repeat", options->repeat, "Times it is run; the best counts")->check(CLI::Range(1, 1000));
  declare_json(app, options->json);
  return [options] { return bench_tokenize(*options); };
}

}  // namespace

Run setup_bench(CLI::App& app) {
  app.require_subcommand(1);
  CLI::App* attribute = app.add_subcommand("attribute", "Fit of the curvature and scan of the documents");
  CLI::App* tokenize = app.add_subcommand("tokenize", "Text to tokens");
  const Run run_attribute = setup_attribute_bench(*attribute), run_tokenize = setup_tokenize_bench(*tokenize);
  return [=] { return attribute->parsed() ? run_attribute() : run_tokenize(); };
}

}  // namespace stemma
