// `stemma bench`: the project's own benchmarks, each held against what the processor can do, measured in the same run.
#include <CLI/CLI.hpp>
#include <memory>

#include "app/commands/bench_attribute.h"
#include "app/commands/command.h"
#include "app/commands/options.h"

namespace stemma {

Run setup_bench(CLI::App& app) {
  auto name = std::make_shared<std::string>("attribute");
  auto options = std::make_shared<BenchAttribute>();
  app.add_option("NAME", *name, "attribute: curvature and the scan of documents")->check(CLI::IsMember({"attribute"}));
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

}  // namespace stemma
