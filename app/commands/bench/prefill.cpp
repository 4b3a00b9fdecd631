#include "app/commands/bench/prefill.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "app/commands/model_size.h"
#include "app/commands/options.h"
#include "app/commands/random_model.h"
#include "app/commands/terminal.h"
#include "runtime/clock.h"
#include "runtime/model/forward.h"
#include "runtime/study/rate.h"

namespace stemma {
namespace {

constexpr double seconds_in_all = 6;
constexpr int fewest_runs = 2, most_runs = 10;

// Reads `tokens` tokens from an empty cache, `chunk` at a time, and makes the last one's logits.
double seconds_of(const Model& model, Workspace& work, KeyValueCache& cache, int64_t tokens, int64_t chunk) {
  const auto start = Clock::now();
  cache.length = 0;
  cache.ids.clear();
  Buffer out(model.ops, 1, model.config.vocabulary);
  for (int64_t begin = 0; begin < tokens; begin += chunk) {
    const int64_t count = std::min(chunk, tokens - begin);
    Batch batch;
    for (int64_t i = begin; i < begin + count; ++i) {
      batch.ids.push_back(static_cast<int32_t>(i * 7919 % model.config.vocabulary));
      batch.positions.push_back(static_cast<int32_t>(i));
    }
    batch.segments.push_back({0, static_cast<int32_t>(count), 0, static_cast<int32_t>(count)});
    const Tensor hidden = forward(work, batch, &cache);
    if (begin + count == tokens) logits(model, hidden.slice(count - 1, count), out);
  }
  float wait = 0;
  model.ops->download(&wait, out.view().data, sizeof wait);
  return seconds_since(start);
}

}  // namespace

int bench_prefill(const BenchPrefill& options) {
  const std::shared_ptr<const Model> stored = model_of_file(options.model, options.dtype, options.device);
  const ModelConfig config = stored ? stored->config : shape_config(options.shape);
  const std::string name = stored ? stored->name : options.shape;
  const int64_t tokens = std::min<int64_t>(options.tokens, config.context), chunk = std::min(options.chunk, tokens);
  const WeightType type = weight_type(options.dtype);
  const auto made = stored ? stored
                           : std::make_shared<const Model>(random_model(
                                 config, open_device(options.device), type,
                                 cache_bytes(config, cache_type({&type, 1}), tokens) + workspace_bytes(config, chunk)));
  const Model& model = *made;
  Workspace work(model, Keep::one_block);
  KeyValueCache cache(model, tokens);
  const ModelSize size = size_of(config);
  const auto count = static_cast<double>(tokens);
  // Two for each weight and token, four for each pair of tokens and each number of a head: q k^T and p v.
  const double products = 2 * static_cast<double>(size.linears()) * count + 2.0 * config.vocabulary * config.width,
               attention = 4.0 * config.layers * config.heads * config.head_width * count * (count + 1) / 2;
  // Blocks are multiplied as whole numbers of 16 bits or, on a GPU, as bf16: as many an instruction as of bf16.
  const bool halves = type == WeightType::bf16 || (format_of(type).elements > 1 && model.ops->multiplies_bf16());
  double limit = 0, best = seconds_of(model, work, cache, tokens, chunk), spent = 0;
  for (int i = 0; i < fewest_runs || (i < most_runs && spent < seconds_in_all); ++i) {
    limit = std::max(limit, matmul_rate(*model.ops, halves ? WeightType::bf16 : WeightType::f32));
    const double seconds = seconds_of(model, work, cache, tokens, chunk);
    best = std::min(best, seconds);
    spent += seconds;
  }
  const double rate = (products + attention) / best;
  if (options.json) {
    print_json({{"shape", name},
                {"parameters", size.total()},
                {"dtype", options.dtype},
                {"device", model.ops->device()},
                {"tokens", tokens},
                {"chunk", chunk},
                {"product_flop", products},
                {"attention_flop", attention},
                {"tokens_per_second", count / best},
                {"flop_per_second", rate},
                {"matmul_dtype", halves ? "bf16" : "f32"},
                {"matmul_flop_per_second", limit},
                {"share_of_matmul", rate / limit}});
    return 0;
  }
  fmt::print("{}: {:.1f}M parameters in {} on {}; the floor is {:.1f} GFLOP of products and {:.1f} of attention\n",
             name, static_cast<double>(size.total()) / 1e6, options.dtype, model.ops->device(), products / 1e9,
             attention / 1e9);
  fmt::print("  products     {:.1f} GFLOP/s in {}\n", limit / 1e9, halves ? "bf16" : "f32");
  fmt::print("  prefill      {:.1f} tokens/s over {} tokens in chunks of {}: {:.1f} GFLOP/s, {:.0f} % of products\n",
             count / best, tokens, chunk, rate / 1e9, 100 * rate / limit);
  return 0;
}

}  // namespace stemma
