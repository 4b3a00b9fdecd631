#include "app/commands/bench_decode.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "app/commands/model_size.h"
#include "app/commands/options.h"
#include "app/commands/random_model.h"
#include "app/commands/terminal.h"
#include "runtime/model/forward.h"
#include "runtime/study/rate.h"

namespace stemma {
namespace {

constexpr int64_t prompt = 16;      // tokens before the first that is timed
constexpr double seconds_each = 4;  // of a run whose length nobody gave
constexpr int runs = 3;

// A text of random tokens that is gone on with, one token a step.
class Text {
 public:
  Text(const Model& model, int64_t tokens)
      : model_(model), work_(model), cache_(model, tokens), logits_(model.ops, 1, model.config.vocabulary) {
    feed(prompt);
  }
  void feed(int64_t count) {
    Batch batch;
    for (int64_t i = 0; i < count; ++i) {
      batch.ids.push_back(static_cast<int32_t>((cache_.length + i) * 7919 % model_.config.vocabulary));
      batch.positions.push_back(static_cast<int32_t>(cache_.length + i));
    }
    batch.segments.push_back({0, static_cast<int32_t>(count), 0, static_cast<int32_t>(count)});
    const Tensor hidden = forward(work_, batch, &cache_);
    logits(model_, hidden.slice(count - 1, count), logits_);
    float wait = 0;
    model_.ops->download(&wait, logits_.view().data, sizeof wait);
  }
  double seconds(int64_t tokens) {
    const auto start = std::chrono::steady_clock::now();
    for (int64_t i = 0; i < tokens; ++i) feed(1);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }
  void restart() {
    cache_.length = prompt;
    cache_.ids.resize(prompt);
  }

 private:
  const Model& model_;
  Workspace work_;
  KeyValueCache cache_;
  Buffer logits_;
};

}  // namespace

int bench_decode(const BenchDecode& options) {
  const ModelConfig config = shape_config(options.shape);
  const int64_t most = std::min<int64_t>(options.tokens ? options.tokens : 4096, config.context - prompt - 1);
  const Model model =
      random_model(config, open_device(options.device), bandwidth_bytes + cache_bytes(config, most + prompt));
  Text text(model, most + prompt);
  text.seconds(1);  // touches what it needs
  text.restart();
  int64_t tokens = most;
  if (!options.tokens) {
    tokens = std::clamp<int64_t>(static_cast<int64_t>(seconds_each / text.seconds(1)), 4, most);
    text.restart();
  }
  const ModelSize size = size_of(config);
  // All but a table that only gives each token its row.
  const double bytes = 4.0 * static_cast<double>(size.total() - (config.tied ? 0 : size.embedding));
  Bandwidth limit;
  double rate = 0;
  for (int i = 0; i < runs; ++i) {
    const Bandwidth now = bandwidth(*model.ops);
    limit = {std::max(limit.read, now.read), std::max(limit.triad, now.triad)};
    rate = std::max(rate, static_cast<double>(tokens) / text.seconds(tokens));
    text.restart();
  }
  const double traffic = bytes * rate;
  if (options.json) {
    print_json({{"shape", options.shape},
                {"parameters", size.total()},
                {"device", model.ops->device()},
                {"tokens", tokens},
                {"weight_bytes_per_token", bytes},
                {"tokens_per_second", rate},
                {"bytes_per_second", traffic},
                {"read_bytes_per_second", limit.read},
                {"triad_bytes_per_second", limit.triad},
                {"share_of_read", traffic / limit.read},
                {"share_of_triad", traffic / limit.triad}});
    return 0;
  }
  fmt::print("{}: {:.1f}M parameters on {}; the floor is {} of weights a token\n", options.shape,
             static_cast<double>(size.total()) / 1e6, model.ops->device(), in_bytes(bytes));
  fmt::print("  memory       {}/s read, {}/s triad\n", in_bytes(limit.read), in_bytes(limit.triad));
  fmt::print("  decode       {:.2f} tokens/s over {} tokens: {}/s of weights, {:.0f} % of reading, {:.0f} % of triad\n",
             rate, tokens, in_bytes(traffic), 100 * traffic / limit.read, 100 * traffic / limit.triad);
  return 0;
}

}  // namespace stemma
