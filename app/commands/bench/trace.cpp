#include "app/commands/bench/trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "app/commands/bench/run.h"
#include "app/commands/command.h"
#include "app/commands/model_size.h"
#include "app/commands/options.h"
#include "app/commands/random_model.h"
#include "app/commands/terminal.h"
#include "runtime/session/activation_reader.h"
#include "runtime/trace/activation_summary.h"

namespace stemma {
namespace {

namespace fs = std::filesystem;

// The longest waits, in seconds, of opening a trace and stepping through it.
struct Waits {
  double open = 0;   // the session, once
  double map = 0;    // layers x tokens of a trace, once, on the thread that reads files
  double token = 0;  // one token's numbers at every site
  double step = 0;   // a step's numbers at every site
};

Waits step_through(const fs::path& path) {
  Waits waits;
  const auto longest = [](double& wait, const auto& work) {
    const double start = bench_seconds();
    work();
    wait = std::max(wait, bench_seconds() - start);
  };
  Session session;
  longest(waits.open, [&] { session = load_session(path); });
  const Trace& trace = session.traces.front();
  const std::vector<std::string>& sites = session.activations.at(trace.id);
  longest(waits.map, [&] { recorded_map(path, trace, sites, ActivationQuantity::norm); });
  std::vector<ActivationReader> readers;
  for (const std::string& site : sites) readers.emplace_back(path, trace.id, site);
  std::vector<float> rows;
  const auto read = [&](int64_t begin, int64_t end) {
    for (const ActivationReader& reader : readers) {
      rows.resize(static_cast<size_t>((end - begin) * reader.width()));
      reader.read(begin, end, rows.data());
    }
  };
  for (const Step& step : trace.steps) longest(waits.step, [&] { read(step.begin, step.end); });
  for (int64_t token = 0; token < trace.size(); ++token) longest(waits.token, [&] { read(token, token + 1); });
  return waits;
}

// Session and model, so that both can be opened in the window.
void write_model(const Model& model, const fs::path& folder) {
  save_model(model, folder);
  std::ofstream(folder / "tokenizer.json") << made_tokenizer(model.config.vocabulary);
}

}  // namespace

int bench_trace(const BenchTrace& options) {
  if (!options.keep.empty() && format_of(weight_type(options.dtype)).elements > 1)
    throw WrongUsage(fmt::format(
        "--keep: weights in {} cannot be saved; choose --dtype f32, bf16 or f16, or keep nothing", options.dtype));
  ProgressLine line;
  Control control;
  watch(control, line);
  const BenchFolder temporary;
  const fs::path folder = options.keep.empty() ? temporary.path : fs::path(options.keep);
  fs::create_directories(folder);
  Model model = writing_model(options.shape, options.dtype, options.device, options.tokens);
  const ModelConfig& config = model.config;
  const CaptureChoice capture = read_capture_list(options.capture, config);
  const fs::path path = folder / "trace.h5";
  if (!options.keep.empty()) {
    model.path = folder / "model";
    model.hash = hash_of(config, model.weights, *model.ops);
  }
  const double before = peak_memory();
  const BenchRun run = run_bench(model, capture, options.tokens, path, control);
  const double peak = peak_memory();
  control.check();
  line.clear();
  if (!options.keep.empty()) write_model(model, model.path);  // after it: saving takes more memory than writing

  const Trace& trace = run.session.traces.front();
  double width = 0;  // numbers a token
  for (const Site site : capture.sites) width += static_cast<double>(width_of(config, site));
  const double numbers = 2 * width * trace.size();
  const auto bytes = static_cast<double>(fs::file_size(activations_path(path)));
  const double weights = weight_bytes(config, weight_type(options.dtype)),
               cache = cache_bytes(config, model.weights.cache_type(), trace.size());
  const Waits waits = step_through(path);
  const auto check = run.session.checks.find(trace.id);
  const double rate = options.tokens / run.seconds;
  if (options.json) {
    nlohmann::ordered_json facts{{"shape", options.shape},
                                 {"dtype", options.dtype},
                                 {"device", model.ops->device()},
                                 {"capture", options.capture},
                                 {"sites", capture.sites.size()},
                                 {"tokens", trace.size()},
                                 {"steps", trace.steps.size()},
                                 {"tokens_per_second", rate},
                                 {"bytes", bytes},
                                 {"arithmetic_bytes", numbers},
                                 {"peak_memory", peak},
                                 {"arithmetic_memory", weights + cache},
                                 {"peak_memory_before_writing", before},
                                 {"open_ms", 1e3 * waits.open},
                                 {"map_ms", 1e3 * waits.map},
                                 {"step_ms", 1e3 * waits.step},
                                 {"token_ms", 1e3 * waits.token}};
    if (check != run.session.checks.end()) facts["check_nats"] = check->second.nats;
    print_json(facts);
    return 0;
  }
  fmt::print("{} in {}: {} sites ({}), {} tokens in {} steps on {}; {:.1f} tokens/s\n", options.shape, options.dtype,
             capture.sites.size(), options.capture, trace.size(), trace.steps.size(), model.ops->device(), rate);
  fmt::print("  on disk      {}, of which numbers {} ({} tokens x {:.0f} x 2 bytes)\n", in_bytes(bytes),
             in_bytes(numbers), trace.size(), width);
  fmt::print("  peak memory  {}: weights {}, keys and values {}, {} all else ({} before it wrote)\n", in_bytes(peak),
             in_bytes(weights), in_bytes(cache), in_bytes(peak - weights - cache), in_bytes(before));
  fmt::print("  opened       session in {:.1f} ms, its map of layers x tokens in {:.0f} ms (once, beside the window)\n",
             1e3 * waits.open, 1e3 * waits.map);
  fmt::print("  stepped      all {} steps in at most {:.1f} ms each, all {} tokens in at most {:.1f} ms each\n",
             trace.steps.size(), 1e3 * waits.step, trace.size(), 1e3 * waits.token);
  if (check != run.session.checks.end()) fmt::print("  check        within {:.2g} nats\n", check->second.nats);
  if (!options.keep.empty()) fmt::print("  kept         {}\n", path.string());
  return 0;
}

}  // namespace stemma
