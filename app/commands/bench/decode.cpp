#include "app/commands/bench/decode.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "app/commands/model_size.h"
#include "app/commands/options.h"
#include "app/commands/random_model.h"
#include "app/commands/terminal.h"
#include "runtime/clock.h"
#include "runtime/model/decoding.h"
#include "runtime/study/rate.h"

namespace stemma {
namespace {

constexpr int64_t prompt = 16;        // tokens before the first that is timed
constexpr double seconds_each = 2;    // of a run whose length nobody gave
constexpr double seconds_part = 0.1;  // of the run between two measurements of the memory
constexpr int runs = 3;

double median(std::vector<double> values) {
  std::ranges::nth_element(values, values.begin() + std::ssize(values) / 2);
  return values[values.size() / 2];
}

// Medians over the parts of all runs. The shares are of what the memory gave just before and after a part: what one
// machine's memory gives can double and halve from one second to the next where others use it.
struct Rates {
  double steps = 0;  // a second
  Bandwidth memory, share;
};

// Texts of random tokens that are gone on with together, one token each a step.
class Texts {
 public:
  Texts(const Model& model, int count, int64_t tokens)
      : model_(model), work_(model, Keep::one_block), decoding_(work_) {
    for (int i = 0; i < count; ++i) caches_.emplace_back(model, tokens);
    for (KeyValueCache& cache : caches_) pointers_.push_back(&cache);
    seconds(prompt + 1);  // touches what it needs
    restart();
  }
  double seconds(int64_t steps) {
    const auto start = Clock::now();
    for (int64_t i = 0; i < steps; ++i) feed();
    return seconds_since(start);
  }
  void restart() {
    for (KeyValueCache& cache : caches_) {
      cache.length = prompt;
      cache.ids.resize(prompt);
    }
  }

 private:
  void feed() {
    std::vector<int32_t> ids;
    for (size_t s = 0; s < caches_.size(); ++s)
      ids.push_back(
          static_cast<int32_t>((caches_[s].length + static_cast<int64_t>(s)) * 7919 % model_.config.vocabulary));
    decoding_.step(ids, pointers_);
  }

  const Model& model_;
  Workspace work_;
  Decoding decoding_;
  std::vector<KeyValueCache> caches_;
  std::vector<KeyValueCache*> pointers_;
};

}  // namespace

int bench_decode(const BenchDecode& options) {
  const std::shared_ptr<const Model> stored = model_of_file(options.model, options.dtype, options.device);
  const ModelConfig config = stored ? stored->config : shape_config(options.shape);
  const std::string name = stored ? stored->name : options.shape;
  const int64_t most = std::min<int64_t>(options.tokens ? options.tokens : 1024, config.context - prompt - 1);
  const WeightType type = weight_type(options.dtype);
  const double caches = (1 + options.batch) * cache_bytes(config, cache_type({&type, 1}), most + prompt + 1);
  const auto made = stored ? stored
                           : std::make_shared<const Model>(
                                 random_model(config, open_device(options.device), type, bandwidth_bytes + caches));
  const Model& model = *made;
  Texts one(model, 1, most + prompt + 1);
  int64_t tokens = most;
  if (!options.tokens) {
    tokens = std::clamp<int64_t>(static_cast<int64_t>(seconds_each / one.seconds(1)), 4, most);
    one.restart();
  }
  const ModelSize size = size_of(config);
  double bytes = 0;  // all but a table that only gives each token its row
  for (const auto& named : model.weights.named()) bytes += static_cast<double>(named.matrix.bytes());
  if (!config.tied) bytes -= static_cast<double>(model.weights.embedding_matrix.bytes());
  BandwidthProbe probe(model.ops);
  const auto measured = [&](Texts& texts) {
    std::vector<double> steps, read, triad, share_of_read, share_of_triad;
    const auto part =
        std::clamp<int64_t>(static_cast<int64_t>(seconds_part / texts.seconds(1)), 1, tokens);  // of equal work
    for (int i = 0; i < runs; ++i) {
      texts.restart();
      Bandwidth before = probe.now();
      for (int64_t done = 0; done + part <= tokens; done += part) {
        steps.push_back(static_cast<double>(part) / texts.seconds(part));
        const Bandwidth after = probe.now();
        read.push_back((before.read + after.read) / 2);
        triad.push_back((before.triad + after.triad) / 2);
        share_of_read.push_back(bytes * steps.back() / read.back());
        share_of_triad.push_back(bytes * steps.back() / triad.back());
        before = after;
      }
    }
    texts.restart();
    return Rates{median(steps), {median(read), median(triad)}, {median(share_of_read), median(share_of_triad)}};
  };
  const Rates rates = measured(one);
  double together = 0;
  if (options.batch > 1) {
    Texts several(model, options.batch, most + prompt + 1);
    together = measured(several).steps * options.batch;
  }
  const double rate = rates.steps, traffic = bytes * rate;
  if (options.json) {
    nlohmann::ordered_json facts{{"shape", name},
                                 {"parameters", size.total()},
                                 {"dtype", options.dtype},
                                 {"device", model.ops->device()},
                                 {"tokens", tokens},
                                 {"weight_bytes_per_token", bytes},
                                 {"tokens_per_second", rate},
                                 {"bytes_per_second", traffic},
                                 {"read_bytes_per_second", rates.memory.read},
                                 {"triad_bytes_per_second", rates.memory.triad},
                                 {"share_of_read", rates.share.read},
                                 {"share_of_triad", rates.share.triad}};
    if (options.batch > 1) {
      facts["batch"] = options.batch;
      facts["batch_tokens_per_second"] = together;
      facts["batch_times_one"] = together / rate;
    }
    print_json(facts);
    return 0;
  }
  fmt::print("{}: {:.1f}M parameters in {} on {}; the floor is {} of weights a token\n", options.shape,
             static_cast<double>(size.total()) / 1e6, options.dtype, model.ops->device(), in_bytes(bytes));
  fmt::print("  memory       {}/s read, {}/s triad\n", in_bytes(rates.memory.read), in_bytes(rates.memory.triad));
  fmt::print("  decode       {:.2f} tokens/s over {} tokens: {}/s of weights, {:.0f} % of reading, {:.0f} % of triad\n",
             rate, tokens, in_bytes(traffic), 100 * rates.share.read, 100 * rates.share.triad);
  if (options.batch > 1)
    fmt::print("  batch of {:3} {:.2f} tokens/s, {:.2f} times one alone\n", options.batch, together, together / rate);
  return 0;
}

}  // namespace stemma
