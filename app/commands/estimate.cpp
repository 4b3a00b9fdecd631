#include "app/commands/estimate.h"

#include <algorithm>
#include <chrono>
#include <set>

#include "app/commands/model_size.h"
#include "runtime/influence/tracked.h"
#include "runtime/study/rate.h"

namespace stemma {

namespace {

// Stages that cost what the model or the queries are, however long the corpus is.
const std::set<std::string> constant_stages = {"eigenbases", "query gradients"};

Corpus part_of(const Corpus& corpus, size_t count) {
  Corpus part;
  part.paths = corpus.paths;
  part.hash = corpus.hash;
  const size_t all = corpus.documents.size();
  for (size_t i = 0; i < std::min(count, all); ++i) {
    part.documents.push_back(corpus.documents[i * all / std::min(count, all)]);
    part.bytes += static_cast<int64_t>(part.documents.back().text.size());
  }
  part.total = static_cast<int64_t>(part.documents.size());
  return part;
}

// Seconds of each stage; from one stage's first news to the next one's.
std::map<std::string, double> seconds_of(const Corpus& corpus, const Control& control, const MeasuredWork& work) {
  using Clock = std::chrono::steady_clock;
  std::map<std::string, double> stages;
  std::string stage = "start";
  auto last = Clock::now();
  const auto turn = [&](const std::string& next) {
    stages[stage] += std::chrono::duration<double>(Clock::now() - last).count();
    stage = next;
    last = Clock::now();
  };
  Control timed;
  timed.report = [&](const Progress& progress) {
    control.check();
    if (progress.stage != stage) turn(progress.stage);
  };
  work(corpus, timed);
  turn("");
  return stages;
}

}  // namespace

int64_t count_tokens(const Model& model, const Corpus& corpus) {
  int64_t tokens = 0;
  for (const auto& document : corpus.documents)
    tokens +=
        std::min<int64_t>(static_cast<int64_t>(model.tokenizer->encode(document.text).size()), model.config.context);
  return tokens;
}

Estimate estimate(const Model& model, const Corpus& corpus, const Control& control, const MeasuredWork& work) {
  Estimate result;
  result.documents = static_cast<int64_t>(corpus.documents.size());
  result.tokens = count_tokens(model, corpus);
  const Corpus small = part_of(corpus, 64), large = part_of(corpus, 320);
  result.measured_documents = static_cast<int64_t>(large.documents.size());
  const auto small_tokens = static_cast<double>(count_tokens(model, small)),
             large_tokens = static_cast<double>(count_tokens(model, large)),
             tokens = static_cast<double>(result.tokens);
  seconds_of(small, control, work);  // warms up
  auto small_stages = seconds_of(small, control, work);
  const auto large_stages = seconds_of(large, control, work);
  double growing = 0;
  for (const auto& [stage, seconds] : large_stages) {
    if (constant_stages.contains(stage)) {
      result.seconds += result.stages[stage] = std::min(seconds, small_stages[stage]);
      continue;
    }
    double per_token = seconds / large_tokens, fixed = 0;
    if (const double less = small_stages[stage]; large_tokens > small_tokens && seconds > less) {
      per_token = (seconds - less) / (large_tokens - small_tokens);
      fixed = std::max(0.0, less - per_token * small_tokens);
    }
    growing += per_token;
    result.stages[stage] = fixed + per_token * tokens;
    result.seconds += result.stages[stage];
  }
  result.tokens_per_second = 1 / growing;
  return result;
}

double fit_operations(const Model& model, const LayerChoice& choice, int64_t documents, int64_t tokens) {
  const auto t = static_cast<double>(tokens), d = static_cast<double>(documents);
  // Two passes forward and back; then covariances, and the documents' gradients in their eigenbasis.
  double operations = 8 * t * passed_parameters(model);
  for (const size_t i : chosen_layers(model, choice.pattern)) {
    const Tensor weight = tracked_weight(model, i);
    const auto m = static_cast<double>(weight.columns), p = static_cast<double>(weight.rows);
    const double covariances = 2 * t * (m * m + p * p), turned_gradients = 2 * d * m * p * (m + p);
    operations += 2 * t * m * p + (covariances + std::min(covariances, turned_gradients)) / choice.blocks;
  }
  return operations;
}

double scan_operations(const ModelConfig& config, int64_t tokens, int64_t documents, int64_t steps) {
  const auto tracked = static_cast<double>(size_of(config).linears());
  const double head = static_cast<double>(config.vocabulary) * config.width;
  return static_cast<double>(tokens) * (6 * tracked + 4 * head) +
         2 * static_cast<double>(documents) * static_cast<double>(steps) * tracked;
}

}  // namespace stemma
