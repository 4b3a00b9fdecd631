#include "app/commands/bench/tokenize.h"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <limits>
#include <nlohmann/json.hpp>

#include "app/commands/options.h"
#include "runtime/model/files/json_file.h"
#include "runtime/model/tokenizer.h"

namespace stemma {

namespace {

constexpr uint64_t largest_text = 1'000'000'000;

// Of the processor, which others may share: all of it is one thread's.
double seconds_of(const auto& work) {
  const std::clock_t begin = std::clock();
  work();
  return std::max(static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC, 1e-6);
}

}  // namespace

int bench_tokenize(const BenchTokenize& options) {
  std::unique_ptr<const Tokenizer> tokenizer;
  const double load = seconds_of([&] { tokenizer = std::make_unique<const Tokenizer>(options.model); });
  const std::string text = read_text(options.text, largest_text);
  std::vector<int32_t> ids = tokenizer->encode("Of 1 text, what is built at first use.");
  double first = 0, best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < options.repeat; ++i) {
    const double seconds = seconds_of([&] { ids = tokenizer->encode(text); });
    if (i == 0) first = seconds;
    if (i > 0 || options.repeat == 1) best = std::min(best, seconds);
  }
  const double megabytes = static_cast<double>(text.size()) / 1e6;
  if (options.json)
    print_json({{"bytes", text.size()},
                {"tokens", ids.size()},
                {"load_seconds", load},
                {"first_seconds", first},
                {"best_seconds", best},
                {"megabytes_per_second", megabytes / best}});
  else
    std::printf("%.1f MB, %zu tokens: %.1f MB/s (the first time %.1f); loaded in %.2f s; seconds of the processor\n",
                megabytes, ids.size(), megabytes / best, megabytes / first, load);
  return 0;
}

}  // namespace stemma
