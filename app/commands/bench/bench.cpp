// `stemma bench`: the project's own benchmarks, each held against what the processor can do, measured in the same run.
#include <CLI/CLI.hpp>
#include <memory>

#include "app/commands/bench/attribute.h"
#include "app/commands/bench/capture.h"
#include "app/commands/bench/decode.h"
#include "app/commands/bench/index.h"
#include "app/commands/bench/prefill.h"
#include "app/commands/bench/tokenize.h"
#include "app/commands/bench/trace.h"
#include "app/commands/command.h"
#include "app/commands/options.h"
#include "app/commands/random_model.h"

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
  app.add_option("--rank", options->rank, "Of the queries in the scans of low rank")->check(CLI::Range(1, 4096));
  app.add_option("--batch", options->batch, "Tokens of the scans' batches; 0: as of a long corpus")
      ->check(CLI::Range(0, 1 << 20));
  app.add_option("--only", options->only, "Some of the work: fit, thin (scans of low rank), full (those of full rank)")
      ->delimiter(',')
      ->check(CLI::IsMember({"fit", "thin", "full"}));
  app.add_option("--repeat", options->repeat, "Times each is run; the best counts")->check(CLI::Range(1, 1000));
  app.add_flag("--plan", options->plan, "Foretell each time as stemma plan does, and print it beside the measured one");
  app.add_flag("--eigenbases", options->eigenbases,
               "Decompose the covariances, too: no other time depends on it, and wide layers take minutes");
  app.add_flag("--processor-time", options->processor_time,
               "Count the processor's seconds, not the wall's: for one thread on a machine that others use");
  declare_device(app, options->device);
  declare_json(app, options->json);
  return [options] { return bench_attribute(*options); };
}

void declare_model(CLI::App& app, std::filesystem::path& model) {
  app.add_option("--model", model,
                 "A model's file or folder instead: f32, bf16 and f16 as --dtype says, blocks as stored");
}

void declare_shape(CLI::App& app, std::string& shape, std::string& dtype) {
  app.add_option("--dtype", dtype, "How its matrices are kept")->check(CLI::IsMember(weight_type_names()));
  app.add_option("--shape", shape, "A random model of this shape")->check(CLI::IsMember(shape_names()));
}

Run setup_decode_bench(CLI::App& app) {
  auto options = std::make_shared<BenchDecode>();
  declare_shape(app, options->shape, options->dtype);
  declare_model(app, options->model);
  app.add_option("--tokens", options->tokens, "Tokens to write; 0: as many as take some seconds")
      ->check(CLI::Range(0, 100000));
  app.add_option("--batch", options->batch, "Sequences that are written together, beside one alone")
      ->check(CLI::Range(1, 64));
  declare_device(app, options->device);
  declare_json(app, options->json);
  return [options] { return bench_decode(*options); };
}

Run setup_prefill_bench(CLI::App& app) {
  auto options = std::make_shared<BenchPrefill>();
  declare_shape(app, options->shape, options->dtype);
  declare_model(app, options->model);
  app.add_option("--tokens", options->tokens, "Tokens to read")->check(CLI::Range(1, 100000));
  app.add_option("--chunk", options->chunk, "Tokens read at once")->check(CLI::Range(1, 100000));
  declare_device(app, options->device);
  declare_json(app, options->json);
  return [options] { return bench_prefill(*options); };
}

Run setup_capture_bench(CLI::App& app) {
  auto options = std::make_shared<BenchCapture>();
  declare_shape(app, options->shape, options->dtype);
  app.add_option("--capture", options->capture, "What is recorded, as of stemma generate");
  app.add_option("--tokens", options->tokens, "Tokens of each stretch")->check(CLI::Range(2, 100000));
  app.add_option("--repeat", options->repeat, "Pairs of stretches, one with and one without; medians count")
      ->check(CLI::Range(1, 1000));
  declare_device(app, options->device);
  declare_json(app, options->json);
  return [options] { return bench_capture(*options); };
}

Run setup_index_bench(CLI::App& app) {
  auto options = std::make_shared<BenchIndex>();
  app.add_option("--documents", options->documents, "Random documents in the index")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 30));
  app.add_option("--numbers", options->numbers, "Kept of a document")->check(CLI::Range(int64_t{16}, int64_t{4096}));
  app.add_option("--rescore", options->rescored, "Documents scored exactly")->check(CLI::Range(int64_t{1}, int64_t{1} << 24));
  app.add_option("--folder", options->folder, "Where the index is made, and removed again; else the temporary folder");
  app.add_option("--repeat", options->repeat, "Times it is asked; the best counts")->check(CLI::Range(1, 1000));
  declare_json(app, options->json);
  return [options] { return bench_index(*options); };
}

Run setup_trace_bench(CLI::App& app) {
  auto options = std::make_shared<BenchTrace>();
  declare_shape(app, options->shape, options->dtype);
  app.add_option("--capture", options->capture, "What is recorded, as of stemma generate");
  app.add_option("--tokens", options->tokens, "Tokens to write")->check(CLI::Range(2, 100000));
  app.add_option("--keep", options->keep, "Leave session and model in this folder, to be opened")->type_name("DIR");
  declare_device(app, options->device);
  declare_json(app, options->json);
  return [options] { return bench_trace(*options); };
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
  const std::vector<std::pair<CLI::App*, Run>> benches = [&] {
    std::vector<std::pair<CLI::App*, Run>> all;
    const auto add = [&](const char* name, const char* summary, Run (*setup)(CLI::App&)) {
      CLI::App* bench = app.add_subcommand(name, summary);
      all.emplace_back(bench, setup(*bench));
    };
    add("decode", "Tokens written one after the other", setup_decode_bench);
    add("prefill", "A prompt read at once", setup_prefill_bench);
    add("capture", "What recording costs: the same tokens with and without it", setup_capture_bench);
    add("trace", "A long trace recorded, opened and stepped through", setup_trace_bench);
    add("attribute", "Fit of the curvature and scan of the documents", setup_attribute_bench);
    add("index", "A question to an index of many documents", setup_index_bench);
    add("tokenize", "Text to tokens", setup_tokenize_bench);
    return all;
  }();
  return [benches] {
    for (const auto& [bench, run] : benches)
      if (bench->parsed()) return run();
    return 2;
  };
}

}  // namespace stemma
