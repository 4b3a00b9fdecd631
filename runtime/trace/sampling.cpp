#include "runtime/trace/sampling.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace stemma {

Distribution::Distribution(const float* logits, int64_t vocabulary) : logprobs(static_cast<size_t>(vocabulary)) {
  const float most = *std::max_element(logits, logits + vocabulary);
  double sum = 0;
  for (int64_t i = 0; i < vocabulary; ++i) sum += std::exp(double(logits[i]) - most);
  const double shift = most + std::log(sum);
  double mean = 0;
  for (int64_t i = 0; i < vocabulary; ++i) {
    const double logprob = logits[i] - shift;
    logprobs[i] = static_cast<float>(logprob);
    mean -= std::exp(logprob) * logprob;
  }
  entropy = static_cast<float>(mean);
}

std::vector<std::pair<int32_t, float>> Distribution::top(int k) const {
  std::vector<int32_t> order(logprobs.size());
  std::iota(order.begin(), order.end(), 0);
  const auto count = std::min(order.size(), static_cast<size_t>(k));
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(), [&](int32_t a, int32_t b) {
    return logprobs[a] != logprobs[b] ? logprobs[a] > logprobs[b] : a < b;
  });
  std::vector<std::pair<int32_t, float>> result;
  for (size_t i = 0; i < count; ++i) result.emplace_back(order[i], logprobs[order[i]]);
  return result;
}

int32_t draw(const Distribution& distribution, const Sampler& sampler, Random& random) {
  if (sampler.temperature <= 0) return distribution.top(1)[0].first;
  const auto size = static_cast<int>(distribution.logprobs.size());
  const auto candidates = distribution.top(sampler.top_k > 0 ? std::min(sampler.top_k, size) : size);
  std::vector<double> weights;
  double total = 0;
  for (const auto& [id, logprob] : candidates) {
    weights.push_back(std::exp((logprob - candidates[0].second) / sampler.temperature));
    total += weights.back();
  }
  // Top-p keeps the most likely tokens whose probabilities reach p, at least one.
  double kept = 0;
  size_t count = 0;
  while (count < weights.size() && (count == 0 || kept < sampler.top_p * total)) kept += weights[count++];
  double left = random.uniform() * kept;
  for (size_t i = 0; i < count; ++i)
    if ((left -= weights[i]) < 0) return candidates[i].first;
  return candidates[count - 1].first;
}

}  // namespace stemma
