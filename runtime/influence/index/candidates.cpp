#include "runtime/influence/index/candidates.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <set>

namespace stemma {

Candidates::Candidates(std::vector<float> estimates, int64_t queries, const CandidateOptions& options)
    : estimates_(std::move(estimates)),
      queries_(queries),
      documents_(static_cast<int64_t>(estimates_.size()) / std::max<int64_t>(1, queries)),
      options_(options) {
  std::vector<int64_t> all(static_cast<size_t>(documents_));
  const int64_t most = std::min(options.most, documents_),
                opponents = std::min((options.most + 3) / 4, documents_ - most);
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
    lists_.push_back(
        {q, -1.0f, std::min((options.first + 3) / 4, opponents), {all.rbegin(), all.rbegin() + opponents}});
  }
  for (List& list : lists_) judge(list);
}

std::vector<int64_t> Candidates::next() const {
  std::set<int64_t> chosen;
  for (const List& list : lists_) {
    if (list.late <= options_.late) continue;
    // The list itself at first, then half as many more each time.
    int64_t left = is_exact(list.order.front()) ? (list.first + 1) / 2 : list.first;
    if (options_.late == 0) left = static_cast<int64_t>(list.order.size());
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
  std::vector<int64_t> done;  // in the list's order
  for (const int64_t document : list.order)
    if (is_exact(document)) done.push_back(document);
  const auto places = static_cast<size_t>(list.first);
  list.late = done.size() == list.order.size() ? 0 : 1;
  if (list.late == 0 || done.size() < 2 * places) return;
  const auto strength = [&](int64_t document) { return list.sign * score(list.query, document); };
  std::vector<float> strengths;
  for (const int64_t document : done) strengths.push_back(strength(document));
  const auto last_place = strengths.begin() + (list.first - 1);
  std::nth_element(strengths.begin(), last_place, strengths.end(), std::greater<>());
  const auto held = std::count_if(done.end() - list.first, done.end(),
                                  [&](int64_t document) { return strength(document) >= *last_place; });
  list.late = static_cast<double>(held) / static_cast<double>(list.first);
}

double Candidates::late() const {
  double places = 0, held = 0;
  for (const List& list : lists_) {
    places += static_cast<double>(list.first);
    held += list.late * static_cast<double>(list.first);
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
