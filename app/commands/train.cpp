#include "runtime/train/train.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "app/commands/command.h"
#include "app/commands/options.h"
#include "app/commands/terminal.h"

namespace stemma {

namespace {

struct TrainArguments {
  std::string config, out, device = "auto";
  CorpusOptions corpus;
  int64_t every = 50;
  bool dry_run = false, json = false;
};

int dry_run(const TrainArguments& options, const TrainConfig& config, const Corpus& corpus, std::shared_ptr<Ops> ops) {
  const auto plan = plan_training(config, corpus, ops);
  if (options.json) {
    print_json({{"corpus", corpus_facts(corpus)},
                {"parameters", plan.parameters},
                {"documents", plan.documents},
                {"tokens", plan.tokens},
                {"steps", plan.steps},
                {"tokens_per_second", plan.tokens_per_second},
                {"seconds", plan.seconds},
                {"device", ops->device()}});
  } else {
    fmt::print("{} parameters; {} documents, {} tokens over {} passes in {} steps\n", in_thousands(plan.parameters),
               in_thousands(plan.documents), in_thousands(plan.tokens), config.passes, in_thousands(plan.steps));
    fmt::print("about {} at {:.0f} tokens/s on {}, measured on a few steps; nothing was written\n",
               in_time(plan.seconds), plan.tokens_per_second, ops->device());
  }
  return 0;
}

int run(const TrainArguments& options) {
  if (!options.dry_run) {
    if (options.out.empty()) throw WrongUsage("--out is required: the model folder to write");
    expect_folder_of(options.out);
  }
  const TrainConfig config = read_train_config(options.config);
  const Corpus corpus = options.corpus.load();
  const auto ops = open_device(options.device);
  if (options.dry_run) return dry_run(options, config, corpus, ops);

  ProgressLine line;
  Control control;
  watch(control, line);
  const auto print_point = [&](const TrainPoint& point) {
    if (point.step % options.every != 0) return;
    line.clear();
    tell(fmt::format("step {:>6}  loss {:.4f} nats/token  rate {:.2e}  gradient {:.2f}  {} tokens  {}", point.step,
                     point.loss, point.rate, point.gradient_norm, in_thousands(point.tokens), in_time(point.seconds)));
  };
  TrainResult result;
  try {
    result = train(config, corpus, ops, options.out, print_point, control);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::cancelled) throw;
    line.clear();
    throw Error(ErrorCode::cancelled, options.out + ": interrupted; the same command goes on from its checkpoint");
  }
  line.clear();
  const double loss = result.curve.empty() ? 0 : result.curve.back().loss;
  if (options.json) {
    nlohmann::ordered_json curve = nlohmann::ordered_json::array();
    for (const auto& point : result.curve)
      curve.push_back({{"step", point.step}, {"loss", point.loss}, {"rate", point.rate}, {"tokens", point.tokens}});
    print_json({{"model", options.out},
                {"parameters", result.parameters},
                {"tokens", result.tokens},
                {"seconds", result.seconds},
                {"device", ops->device()},
                {"curve", curve}});
  } else {
    fmt::print("{}: {} parameters after {} tokens, last loss {:.4f} nats/token, in {} on {}\n", options.out,
               in_thousands(result.parameters), in_thousands(result.tokens), loss, in_time(result.seconds),
               ops->device());
  }
  return 0;
}

constexpr const char* config_keys =
    "\nThe config is one JSON object; an unknown key is refused.\n"
    "  tokenizer      folder with tokenizer.json, relative to the config; required\n"
    "  model          object: layers, width, heads, mlp_width; key_value_heads (as heads), context (512), tied "
    "(true),\n"
    "                 rope_theta (10000), norm_epsilon (1e-5), initializer_range (0.02)\n"
    "  passes         over the corpus (1)\n"
    "  batch_tokens   per step (8192), computed in this many parts: accumulation (1)\n"
    "  rate           of AdamW at its height (3e-3), reached after this share of the steps: warmup (0.02); final_rate "
    "(3e-4)\n"
    "  beta1, beta2, epsilon, decay, clip   AdamW (0.9, 0.95, 1e-8, 0.1) and the largest gradient norm (1)\n"
    "  seed           of the weights and the order of documents (1)\n"
    "  checkpoint_every   steps (500); 0: only when interrupted\n";

}  // namespace

Run setup_train(CLI::App& app) {
  app.footer(config_keys);
  auto options = std::make_shared<TrainArguments>();
  app.add_option("--config", options->config, "JSON: the model's shape, its tokenizer and how to train it")
      ->required()
      ->type_name("F.json");
  options->corpus.declare(app, 0);
  app.add_option("--out", options->out, "Hugging Face folder to write; a run that was interrupted in it is resumed")
      ->type_name("DIR");
  app.add_option("--every", options->every, "Print the loss every so many steps")->check(at_least(1))->type_name("N");
  declare_device(app, options->device);
  app.add_flag("--dry-run", options->dry_run,
               "Print parameters, tokens, steps, measured speed and time; write nothing");
  declare_json(app, options->json);
  return [options] { return run(*options); };
}

}  // namespace stemma
