#include "app/commands/bench/capture.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "app/commands/bench/run.h"
#include "app/commands/options.h"

namespace stemma {
namespace {

// Of sorted values, between the two that lie beside it.
double quantile(const std::vector<double>& sorted, double q) {
  const double place = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

struct Spread {
  double low, middle, high;  // quartiles
};
Spread spread_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return {quantile(values, 0.25), quantile(values, 0.5), quantile(values, 0.75)};
}

}  // namespace

// A machine's speed wanders by more than recording costs, so short stretches with and without it alternate, their order
// too, and each pair gives a ratio; what wanders slowly falls out of it.
int bench_capture(const BenchCapture& options) {
  const Model model = writing_model(options.shape, options.dtype, options.device, options.tokens);
  const CaptureChoice capture = read_capture_list(options.capture, model.config);
  const BenchFolder folder;
  std::vector<double> without, with, costs, wholes;
  bool same = true;
  run_bench(model, {}, std::min(options.tokens, 8), folder.path / "warm.h5");
  for (int i = 0; i < options.repeat; ++i) {
    const auto run = [&](const CaptureChoice& choice) {
      const std::filesystem::path path = folder.path / "S.h5";
      BenchRun done = run_bench(model, choice, options.tokens, path);
      std::error_code none;
      for (const auto& file : {path, activations_path(path)}) std::filesystem::remove(file, none);
      return done;
    };
    BenchRun plain, recorded;
    if (i % 2 == 0) plain = run({});
    recorded = run(capture);
    if (i % 2 != 0) plain = run({});
    same = same && plain.session.traces.front().tokens == recorded.session.traces.front().tokens;
    without.push_back(options.tokens / plain.seconds);
    with.push_back(options.tokens / recorded.seconds);
    costs.push_back(100 * (recorded.seconds / plain.seconds - 1));
    wholes.push_back(100 * (recorded.whole / plain.whole - 1));
  }
  const Spread slow = spread_of(with), fast = spread_of(without), cost = spread_of(costs), whole = spread_of(wholes);
  if (options.json) {
    const auto quartiles = [](const Spread& spread) {
      return nlohmann::ordered_json{spread.low, spread.middle, spread.high};
    };
    print_json({{"shape", options.shape},
                {"dtype", options.dtype},
                {"device", model.ops->device()},
                {"capture", options.capture},
                {"sites", capture.sites.size()},
                {"tokens", options.tokens},
                {"pairs", options.repeat},
                {"same_tokens", same},
                {"tokens_per_second_without", quartiles(fast)},
                {"tokens_per_second_with", quartiles(slow)},
                {"cost_percent", quartiles(cost)},
                {"cost_percent_of_the_whole_run", quartiles(whole)}});
    return same ? 0 : 1;
  }
  const auto words = [](const Spread& spread) {
    return fmt::format("{:.2f} ({:.2f} to {:.2f})", spread.middle, spread.low, spread.high);
  };
  fmt::print("{} in {}: {} sites ({}) on {}; {} pairs of {} tokens, {}; medians (and quartiles)\n", options.shape,
             options.dtype, capture.sites.size(), options.capture, model.ops->device(), options.repeat, options.tokens,
             same ? "the same with and without" : "OTHER TOKENS with than without");
  fmt::print("  writing      {} tokens/s without, {} with\n", words(fast), words(slow));
  fmt::print("  cost         {} % of the time a token takes\n", words(cost));
  fmt::print("  whole run    {} % (files made, closed, checked and saved)\n", words(whole));
  return same ? 0 : 1;
}

}  // namespace stemma
