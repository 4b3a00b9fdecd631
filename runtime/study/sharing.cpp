#include "runtime/study/sharing.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace stemma {

double correlation(const std::vector<float>& a, const std::vector<float>& b) {
  const auto n = static_cast<double>(a.size());
  const double mean_a = std::accumulate(a.begin(), a.end(), 0.0) / n, mean_b = std::accumulate(b.begin(), b.end(), 0.0) / n;
  double ab = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    ab += (a[i] - mean_a) * (b[i] - mean_b);
    aa += (a[i] - mean_a) * (a[i] - mean_a);
    bb += (b[i] - mean_b) * (b[i] - mean_b);
  }
  return aa > 0 && bb > 0 ? ab / std::sqrt(aa * bb) : std::nan("");
}

std::vector<int32_t> strongest(const std::vector<float>& scores, size_t n) {
  std::vector<int32_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  n = std::min(n, order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(n), order.end(),
                    [&](int32_t a, int32_t b) { return scores[a] != scores[b] ? scores[a] > scores[b] : a < b; });
  order.resize(n);
  return order;
}

TaskShare task_share(const std::vector<int32_t>& documents, const Corpus& corpus, const std::string& task) {
  const auto of_task = [&](const Document& d) { return d.task == task; };
  TaskShare result;
  for (const int32_t d : documents) result.share += of_task(corpus.documents[d]);
  if (!documents.empty()) result.share /= static_cast<double>(documents.size());
  result.corpus = static_cast<double>(std::ranges::count_if(corpus.documents, of_task)) / static_cast<double>(corpus.documents.size());
  return result;
}

std::map<std::string, int> sources(const std::vector<int32_t>& documents, const Corpus& corpus) {
  std::map<std::string, int> counts;
  for (const int32_t d : documents) ++counts[corpus.documents[d].source];
  return counts;
}

double overlap(std::vector<int32_t> a, std::vector<int32_t> b) {
  std::ranges::sort(a);
  std::ranges::sort(b);
  std::vector<int32_t> both;
  std::ranges::set_intersection(a, b, std::back_inserter(both));
  const auto all = a.size() + b.size() - both.size();
  return all ? static_cast<double>(both.size()) / static_cast<double>(all) : std::nan("");
}

}  // namespace stemma
