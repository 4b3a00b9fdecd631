// `stemma bench`: the project's own benchmarks.
#include <CLI/CLI.hpp>
#include <memory>

#include "app/commands/bench_tokenize.h"
#include "app/commands/command.h"
#include "app/commands/options.h"

namespace stemma {

Run setup_bench(CLI::App& app) {
  auto name = std::make_shared<std::string>();
  auto tokenize = std::make_shared<BenchTokenize>();
  app.add_option("NAME", *name, "tokenize: text to tokens")->required()->check(CLI::IsMember({"tokenize"}));
  app.add_option("--model", tokenize->model, "A tokenizer's file or folder")->required();
  app.add_option("--text", tokenize->text, "A file of text")->required();
  app.add_option("--repeat", tokenize->repeat, "Times it is run; the best counts")->check(CLI::Range(1, 1000));
  declare_json(app, tokenize->json);
  return [tokenize] { return bench_tokenize(*tokenize); };
}

}  // namespace stemma
