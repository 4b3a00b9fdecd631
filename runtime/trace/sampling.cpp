#include "runtime/trace/sampling.h"

#include <algorithm>
#include <numeric>

#include "kernels/elementwise/softmax_row.h"

namespace stemma {

Distribution::Distribution(const float* logits, int64_t vocabulary) : logprobs(static_cast<size_t>(vocabulary)) {
  entropy = static_cast<float>(log_softmax_row(logits, vocabulary, logprobs.data()));
}

std::vector<std::pair<int32_t, float>> Distribution::top(int k) const {
  const auto likelier = [this](int32_t a, int32_t b) { return this->likelier(a, b); };
  const auto size = static_cast<int32_t>(logprobs.size()), count = std::min(k, size);
  std::vector<int32_t> best(static_cast<size_t>(count));  // a heap, the least likely first
  std::iota(best.begin(), best.end(), 0);
  std::make_heap(best.begin(), best.end(), likelier);
  for (int32_t i = count; count > 0 && i < size; ++i) {
    if (!likelier(i, best.front())) continue;
    std::pop_heap(best.begin(), best.end(), likelier);
    best.back() = i;
    std::push_heap(best.begin(), best.end(), likelier);
  }
  std::sort_heap(best.begin(), best.end(), likelier);
  std::vector<std::pair<int32_t, float>> result;
  for (const int32_t id : best) result.emplace_back(id, logprobs[id]);
  return result;
}

namespace {

using Likelihoods = std::vector<float>;

double sum_of(const Likelihoods& weights, const int32_t* begin, const int32_t* end) {
  double sum = 0;
  for (; begin != end; ++begin) sum += weights[*begin];
  return sum;
}

// Leaves the likeliest of ids whose weights reach `enough`, at least one. Halves what is in question rather than sort
// all: a vocabulary may have 200,000 tokens, and a small model's step takes a few milliseconds.
void keep_until(double enough, const Likelihoods& weights, const Distribution& distribution,
                std::vector<int32_t>& ids) {
  const auto likelier = [&](int32_t a, int32_t b) { return distribution.likelier(a, b); };
  int32_t *low = ids.data(), *high = low + ids.size();  // kept for sure before low, not needed from high on
  double kept = 0;
  while (high - low > 1) {
    int32_t* middle = low + (high - low) / 2;
    std::nth_element(low, middle, high, likelier);
    const double more = sum_of(weights, low, middle);
    if (kept + more < enough) {
      kept += more;
      low = middle;
    } else {
      high = middle;
    }
  }
  ids.resize(static_cast<size_t>(high - ids.data()));
}

// Takes from the weights all tokens that top-k and top-p leave out.
void keep_likeliest(const Distribution& distribution, const Sampler& sampler, Likelihoods& weights) {
  std::vector<int32_t> ids(weights.size());
  std::iota(ids.begin(), ids.end(), 0);
  if (sampler.top_k > 0 && sampler.top_k < std::ssize(ids)) {
    std::nth_element(ids.begin(), ids.begin() + sampler.top_k, ids.end(),
                     [&](int32_t a, int32_t b) { return distribution.likelier(a, b); });
    ids.resize(static_cast<size_t>(sampler.top_k));
  }
  if (sampler.top_p < 1) {
    const double total = sum_of(weights, ids.data(), ids.data() + ids.size());
    // All tokens below this together do not fill what top-p leaves out.
    const double least = (1 - sampler.top_p) * total / static_cast<double>(ids.size());
    std::erase_if(ids, [&](int32_t id) { return weights[id] < least; });
    keep_until(sampler.top_p * total, weights, distribution, ids);
  }
  Likelihoods kept(weights.size(), 0.0f);
  for (const int32_t id : ids) kept[id] = weights[id];
  weights = std::move(kept);
}

}  // namespace

int32_t draw(const Distribution& distribution, const Sampler& sampler, Random& random) {
  if (sampler.temperature <= 0) return distribution.top(1)[0].first;
  const auto size = static_cast<int64_t>(distribution.logprobs.size());
  Likelihoods weights(distribution.logprobs.size());
  softmax_weights(distribution.logprobs.data(), size, sampler.temperature, weights.data());
  if (sampler.top_k > 0 || sampler.top_p < 1) keep_likeliest(distribution, sampler, weights);
  double left = random.uniform() * std::accumulate(weights.begin(), weights.end(), 0.0);
  int32_t last = 0;  // where rounding leaves a little
  for (int32_t id = 0; id < size; ++id) {
    if (weights[id] > 0) last = id;
    if ((left -= weights[id]) < 0) break;
  }
  return last;
}

}  // namespace stemma
