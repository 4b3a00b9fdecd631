#include "runtime/influence/index/candidates.h"

#include <algorithm>
#include <numeric>
#include <set>

namespace stemma {

Candidates::Candidates(std::vector<float> estimates, int64_t queries, const CandidateOptions& options)
    : estimates_(std::move(estimates)),
      queries_(queries),
      documents_(static_cast<int64_t>(estimates_.size()) / std::max<int64_t>(1, queries)),
      options_(options) {
  std::vector<int64_t> all(static_cast<size_t>(documents_));
  const int64_t most = std::min(options.most, documents_), opponents = std::min((options.most + 3) / 4, documents_ - most);
  for (int64_t q = 0; q < queries; ++q) {
    std::iota(all.begin(), all.end(), int64_t{0});
    const auto largest_first = [&](int64_t a, int64_t b) {
      return estimate(q, a) != estimate(q, b) ? estimate(q, a) > estimate(q, b) : a < b;
    };
    std::nth_element(all.begin(), all.begin() + most, all.end(), largest_first);
    std::sort(all.begin(), all.begin() + most, largest_first);
    lists_.push_back({q, 1.0f, std::min(options.first, most), {all.begin(), all.begin() + most}});
    std::nth_element(all.begin() + most, all.end() - opponents, all.end(), largest_first);
    std::sort(all.end() - opponents, all.end(), largest_first);
    lists_.push_back({q, -1.0f, std::min((options.first + 3) / 4, opponents), {all.rbegin(), all.rbegin() + opponents}});
  }
  for (List& list : lists_) judge(list);
}

std::vector<int64_t> Candidates::next() const {
  std::set<int64_t> chosen;
  for (const List& list : lists_) {
    if (list.missing <= options_.missing) continue;
    // The list itself at first, then half as many more each time.
    int64_t left = is_exact(list.order.front()) ? (list.first + 1) / 2 : list.first;
    if (options_.missing == 0) left = static_cast<int64_t>(list.order.size());
    for (const int64_t document : list.order) {
      if (is_exact(document)) continue;
      chosen.insert(document);
      if (--left == 0) break;
    }
  }
  return {chosen.begin(), chosen.end()};
}

void Candidates::take(const std::vector<int64_t>& documents, const std::vector<float>& scores) {
  for (size_t i = 0; i < documents.size(); ++i) {
    places_[documents[i]] = places_.size();
    for (int64_t q = 0; q < queries_; ++q) exact_.push_back(scores[static_cast<size_t>(q) * documents.size() + i]);
  }
  for (List& list : lists_) judge(list);
}

void Candidates::judge(List& list) const {
  std::vector<float> strengths, differences, waiting;
  for (const int64_t document : list.order) {
    const float guess = list.sign * estimate(list.query, document);
    if (!is_exact(document)) {
      waiting.push_back(guess);
      continue;
    }
    strengths.push_back(list.sign * score(list.query, document));
    differences.push_back(strengths.back() - guess);
  }
  list.missing = waiting.empty() ? 0 : 1;
  if (waiting.empty() || static_cast<int64_t>(strengths.size()) < std::max<int64_t>(1, list.first)) return;
  std::nth_element(strengths.begin(), strengths.begin() + (list.first - 1), strengths.end(), std::greater<>());
  const float last_place = strengths[static_cast<size_t>(list.first - 1)];
  std::ranges::sort(differences);
  double expected = 0;
  for (const float guess : waiting) {
    const auto larger = differences.end() - std::ranges::upper_bound(differences, last_place - guess);
    if (larger == 0) break;  // nor can those that come after it
    expected += static_cast<double>(larger) / static_cast<double>(differences.size());
  }
  list.missing = expected / static_cast<double>(list.first);
}

double Candidates::missing() const {
  double places = 0, held = 0;
  for (const List& list : lists_) {
    places += static_cast<double>(list.first);
    held += list.missing * static_cast<double>(list.first);
  }
  return places > 0 ? held / places : 0;
}

std::vector<int64_t> Candidates::scored() const {
  std::vector<int64_t> all;
  for (const auto& [document, place] : places_) all.push_back(document);
  std::ranges::sort(all);
  return all;
}

std::vector<int64_t> Candidates::leading(int64_t places) const {
  std::set<int64_t> chosen;
  for (const List& list : lists_)
    chosen.insert(list.order.begin(), list.order.begin() + std::min<int64_t>(places, std::ssize(list.order)));
  return {chosen.begin(), chosen.end()};
}

float Candidates::score(int64_t query, int64_t document) const {
  const auto place = places_.find(document);
  return place == places_.end() ? estimate(query, document)
                                : exact_[place->second * static_cast<size_t>(queries_) + static_cast<size_t>(query)];
}

}  // namespace stemma
