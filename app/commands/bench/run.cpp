#include "app/commands/bench/run.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>

#include "app/commands/random_model.h"

namespace stemma {

namespace fs = std::filesystem;

BenchFolder::BenchFolder() : path(fs::temp_directory_path() / fmt::format("stemma-bench-{}", ::getpid())) {
  fs::create_directories(path);
}

BenchFolder::~BenchFolder() {
  std::error_code none;
  fs::remove_all(path, none);
}

Model writing_model(const std::string& shape, const std::string& dtype, const std::string& device, int tokens) {
  ModelConfig config = shape_config(shape);
  config.eos = -1;  // it goes on to the last token
  config.context = std::max(config.context, tokens + 32);
  Model model = random_model(config, open_device(device), weight_type(dtype));
  model.tokenizer =
      std::make_shared<const Tokenizer>(made_tokenizer(config.vocabulary), "{}", "a benchmark's tokenizer");
  model.path = model.name = model.hash = shape;
  return model;
}

BenchRun run_bench(const Model& model, const CaptureChoice& capture, int tokens, const fs::path& path,
                   const Control& control) {
  GenerateRequest request;
  request.prompt = "abcdefghijklmnop<think>";
  request.sampler = {.temperature = 1, .seed = 7, .max_tokens = tokens};
  BenchRun run;
  double first = 0, last = 0;
  const double start = bench_seconds();
  const auto written = [&](const Trace& trace, int32_t from) {
    (from == 0 ? first : last) = bench_seconds();
    if (control.report)
      control.report({"Writing", static_cast<double>(trace.size() - trace.prompt_tokens), static_cast<double>(tokens)});
  };
  capture_run(run.session, path, model, request, capture, written, control);
  run.seconds = last - first;
  run.whole = bench_seconds() - start;
  return run;
}

double bench_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double peak_memory() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  return 1024.0 * static_cast<double>(used.ru_maxrss);
}

}  // namespace stemma
