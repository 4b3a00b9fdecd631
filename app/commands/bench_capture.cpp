#include "app/commands/bench_capture.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "app/commands/options.h"
#include "app/commands/random_model.h"
#include "app/commands/terminal.h"
#include "runtime/session/activation_reader.h"
#include "runtime/trace/activation_summary.h"
#include "runtime/trace/capture_run.h"

namespace stemma {
namespace {

namespace fs = std::filesystem;

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

double peak_memory() {  // bytes, of this process so far
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  return 1024.0 * static_cast<double>(used.ru_maxrss);
}

struct Folder {
  fs::path path = fs::temp_directory_path() / fmt::format("stemma-bench-{}", ::getpid());
  Folder() { fs::create_directories(path); }
  ~Folder() {
    std::error_code none;
    fs::remove_all(path, none);
  }
};

// A piece for every id, single letters first, so that a prompt can be read and each token has a text.
std::shared_ptr<const Tokenizer> made_tokenizer(int vocabulary) {
  nlohmann::json pieces = nlohmann::json::object();
  for (int id = 0; id < vocabulary; ++id)
    pieces[id < 26 ? std::string(1, static_cast<char>('a' + id)) : fmt::format("w{}", id)] = id;
  const nlohmann::json tokenizer{{"model", {{"type", "BPE"}, {"vocab", pieces}, {"merges", nlohmann::json::array()}}}};
  return std::make_shared<const Tokenizer>(tokenizer.dump(), "{}", "a benchmark's tokenizer");
}

// The longest waits, in seconds, of reading it back.
struct Waits {
  double open = 0;  // the session, once
  double map = 0;   // layers x tokens of a trace, once, on the thread that reads files
  double rows = 0;  // of one site, 64 tokens wherever they lie
};

struct Ran {
  std::vector<int32_t> tokens;
  double rate = 0;   // tokens/s while the model writes
  double whole = 0;  // with the files closed, checked and saved
  double bytes = 0;  // of activations on disk
  double nats = -1;  // of the check; negative: none
  Waits waits;
};

Waits read_back(const fs::path& path) {
  constexpr int64_t some = 64;
  Waits waits;
  double start = now();
  const Session session = load_session(path);
  waits.open = now() - start;
  const Trace& trace = session.traces.front();
  const std::vector<std::string>& sites = session.activations.at(trace.id);
  for (int64_t begin = 0; begin < trace.size(); begin += some) {
    start = now();
    const ActivationReader reader(path, trace.id, sites[static_cast<size_t>(begin / some) % sites.size()]);
    const int64_t end = std::min<int64_t>(begin + some, reader.tokens());
    std::vector<float> rows(static_cast<size_t>((end - begin) * reader.width()));
    reader.read(begin, end, rows.data());
    waits.rows = std::max(waits.rows, now() - start);
  }
  if (std::none_of(sites.begin(), sites.end(), [](const auto& site) { return site.ends_with(".hook_resid_post"); }))
    return waits;
  start = now();
  recorded_map(path, trace, sites, ActivationQuantity::norm);
  waits.map = now() - start;
  return waits;
}

Ran run_once(const Model& model, const CaptureChoice& capture, int tokens, const fs::path& path) {
  GenerateRequest request;
  request.prompt = "abcdefghijklmnop";
  request.sampler = {.temperature = 1, .seed = 7, .max_tokens = tokens};
  Session session;
  double first = 0, last = 0;
  const double start = now();
  capture_run(
      session, path, model, request, capture, [&](const Trace&, int32_t from) { (from == 0 ? first : last) = now(); },
      Control());
  Ran ran{session.traces.front().tokens};
  ran.rate = tokens / (last - first);
  ran.whole = tokens / (now() - start);
  std::error_code none;
  if (fs::exists(activations_path(path), none)) ran.bytes = static_cast<double>(fs::file_size(activations_path(path)));
  if (!session.activations.empty()) ran.waits = read_back(path);
  if (!session.checks.empty()) ran.nats = session.checks.begin()->second.nats;
  for (const fs::path& file : {path, activations_path(path)}) fs::remove(file, none);
  return ran;
}

}  // namespace

int bench_capture(const BenchCapture& options) {
  ModelConfig config = shape_config(options.shape);
  config.eos = -1;  // it goes on to the last token
  config.context = std::max(config.context, options.tokens + 32);
  const CaptureChoice capture = read_capture_list(options.capture, config);
  Model model = random_model(config, open_device(options.device), weight_type(options.dtype));
  model.tokenizer = made_tokenizer(config.vocabulary);
  model.path = model.name = model.hash = options.shape;
  const int tokens = options.tokens;

  const Folder folder;
  Ran without, with;
  double peak = 0;
  const auto keep = [](Ran& best, Ran ran) {
    ran.rate = std::max(ran.rate, best.rate);
    ran.whole = std::max(ran.whole, best.whole);
    ran.waits = {std::max(ran.waits.open, best.waits.open), std::max(ran.waits.map, best.waits.map),
                 std::max(ran.waits.rows, best.waits.rows)};
    best = std::move(ran);
  };
  run_once(model, {}, std::min(tokens, 8), folder.path / "warm.h5");
  for (int i = 0; i < options.repeat; ++i) {
    keep(without, run_once(model, {}, tokens, folder.path / "without.h5"));
    if (i == 0) peak = peak_memory();
    keep(with, run_once(model, capture, tokens, folder.path / "with.h5"));
  }
  const double more = peak_memory() - peak;
  double width = 0;  // numbers a token
  for (const Site site : capture.sites) width += static_cast<double>(width_of(config, site));
  const double arithmetic = 2 * width * static_cast<double>(with.tokens.size());
  const double cost = 100 * (1 - with.rate / without.rate), whole = 100 * (1 - with.whole / without.whole);
  const bool same = with.tokens == without.tokens;
  if (options.json) {
    print_json({{"shape", options.shape},
                {"dtype", options.dtype},
                {"device", model.ops->device()},
                {"capture", options.capture},
                {"sites", capture.sites.size()},
                {"tokens", tokens},
                {"same_tokens", same},
                {"tokens_per_second_without", without.rate},
                {"tokens_per_second_with", with.rate},
                {"cost_percent", cost},
                {"cost_percent_of_the_whole_run", whole},
                {"bytes", with.bytes},
                {"arithmetic_bytes", arithmetic},
                {"peak_memory_without", peak},
                {"peak_memory_more", more},
                {"open_ms", 1e3 * with.waits.open},
                {"rows_ms", 1e3 * with.waits.rows},
                {"map_ms", 1e3 * with.waits.map},
                {"check_nats", with.nats < 0 ? nlohmann::ordered_json() : nlohmann::ordered_json(with.nats)}});
    return same ? 0 : 1;
  }
  fmt::print("{} in {}: {} sites ({}), {} tokens on {}; {}\n", options.shape, options.dtype, capture.sites.size(),
             options.capture, tokens, model.ops->device(),
             same ? "the same tokens with and without" : "OTHER TOKENS with than without");
  fmt::print("  writing      {:.2f} tokens/s without, {:.2f} with: {:.1f} %\n", without.rate, with.rate, cost);
  fmt::print("  whole run    {:.2f} tokens/s without, {:.2f} with: {:.1f} % (files closed, checked and saved)\n",
             without.whole, with.whole, whole);
  fmt::print("  on disk      {}, of which numbers {} ({} tokens x {:.0f} x 2 bytes)\n", in_bytes(with.bytes),
             in_bytes(arithmetic), with.tokens.size(), width);
  fmt::print("  peak memory  {} without, {} more with\n", in_bytes(peak), in_bytes(more));
  fmt::print(
      "  read back    session in {:.1f} ms, 64 tokens of a site in at most {:.1f} ms, the map in {:.0f} ms (once)\n",
      1e3 * with.waits.open, 1e3 * with.waits.rows, 1e3 * with.waits.map);
  if (with.nats >= 0) fmt::print("  check        within {:.2g} nats\n", with.nats);
  return same ? 0 : 1;
}

}  // namespace stemma
