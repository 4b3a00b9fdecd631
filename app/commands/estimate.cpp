#include "app/commands/estimate.h"

#include <algorithm>
#include <chrono>

#include "app/commands/model_size.h"

namespace stemma {

namespace {

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

double seconds_of(const Corpus& corpus, const std::function<void(const Corpus&)>& work) {
  const auto start = std::chrono::steady_clock::now();
  work(corpus);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

int64_t count_tokens(const Model& model, const Corpus& corpus) {
  int64_t tokens = 0;
  for (const auto& document : corpus.documents)
    tokens +=
        std::min<int64_t>(static_cast<int64_t>(model.tokenizer->encode(document.text).size()), model.config.context);
  return tokens;
}

Estimate estimate(const Model& model, const Corpus& corpus, const std::function<void(const Corpus&)>& work) {
  Estimate result;
  result.documents = static_cast<int64_t>(corpus.documents.size());
  result.tokens = count_tokens(model, corpus);
  const Corpus small = part_of(corpus, 64), large = part_of(corpus, 320);
  result.measured_documents = static_cast<int64_t>(large.documents.size());
  const auto small_tokens = static_cast<double>(count_tokens(model, small)),
             large_tokens = static_cast<double>(count_tokens(model, large));
  seconds_of(small, work);  // warms up
  const double small_seconds = seconds_of(small, work), large_seconds = seconds_of(large, work);
  double per_token = large_seconds / large_tokens, fixed = 0;
  if (large_tokens > small_tokens && large_seconds > small_seconds) {
    per_token = (large_seconds - small_seconds) / (large_tokens - small_tokens);
    fixed = std::max(0.0, small_seconds - per_token * small_tokens);
  }
  result.tokens_per_second = 1 / per_token;
  result.seconds = fixed + per_token * static_cast<double>(result.tokens);
  return result;
}

double fit_operations(const ModelConfig& config, int64_t tokens) {
  double products = 0, covariances = 0;
  for (const auto [inputs, outputs] : linear_shapes(config)) {
    products += static_cast<double>(inputs * outputs);
    covariances += static_cast<double>(inputs * inputs + outputs * outputs);
  }
  const double head = static_cast<double>(config.vocabulary) * config.width;
  // Two passes forward and back (4 N each), covariances in the first, rotations and the documents' gradients in the
  // second.
  return static_cast<double>(tokens) * (config.layers * (10 * products + 4 * covariances) + 8 * head);
}

double scan_operations(const ModelConfig& config, int64_t tokens, int64_t documents, int64_t steps) {
  const auto tracked = static_cast<double>(size_of(config).linears());
  const double head = static_cast<double>(config.vocabulary) * config.width;
  return static_cast<double>(tokens) * (6 * tracked + 4 * head) +
         2 * static_cast<double>(documents) * static_cast<double>(steps) * tracked;
}

}  // namespace stemma
