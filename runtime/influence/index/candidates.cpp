#include "runtime/influence/index/candidates.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <set>

namespace stemma {
namespace {

constexpr int64_t reach = 8;  // times as many documents as may be taken wait for it: corrections reach no others

// The `count` of `documents` that a key is largest of, strongest first; of equal ones the first.
template <class Key>
std::vector<int64_t> strongest_by(const Key& key, std::vector<int64_t> documents, int64_t count) {
  const auto before = [&](int64_t a, int64_t b) { return key(a) != key(b) ? key(a) > key(b) : a < b; };
  const auto end = documents.begin() + std::min<int64_t>(count, std::ssize(documents));
  std::nth_element(documents.begin(), end, documents.end(), before);
  std::sort(documents.begin(), end, before);
  documents.erase(end, documents.end());
  return documents;
}

}  // namespace

Candidates::Candidates(std::vector<float> estimates, int64_t queries, const CandidateOptions& options)
    : first_(std::move(estimates)),
      estimates_(first_),
      queries_(queries),
      documents_(static_cast<int64_t>(first_.size()) / std::max<int64_t>(1, queries)),
      options_(options) {
  const int64_t most = std::min(options.most, documents_),
                opponents = std::min((options.most + 3) / 4, documents_ - most);
  std::vector<int64_t> all(static_cast<size_t>(documents_));
  std::iota(all.begin(), all.end(), int64_t{0});
  for (int64_t q = 0; q < queries; ++q) {
    lists_.push_back({q, 1, most, std::min(options.first, most)});
    lists_.push_back({q, -1, opponents, std::min((options.first + 3) / 4, opponents)});
    std::set<int64_t> wait;
    for (size_t i = lists_.size() - 2; i < lists_.size(); ++i)
      for (const int64_t d : strongest_by([&](int64_t d) { return lists_[i].sign * estimate(q, d); }, all,
                                          reach * lists_[i].most))
        wait.insert(d);
    waiting_.emplace_back(wait.begin(), wait.end());
  }
  for (List& list : lists_) judge(list);
}

std::vector<int64_t> Candidates::strongest(const List& list, int64_t count) const {
  std::vector<int64_t> left;
  for (const int64_t d : waiting(list.query))
    if (!list.there.contains(d)) left.push_back(d);
  return strongest_by([&](int64_t d) { return list.sign * estimate(list.query, d); }, std::move(left), count);
}

std::vector<int64_t> Candidates::next() {
  std::set<int64_t> chosen;
  for (bool goes_on = true; goes_on && chosen.empty();) {
    goes_on = false;
    for (List& list : lists_) {
      if (enough(list)) continue;
      goes_on = true;
      // The list itself at first, then half as many more each time.
      const int64_t chunk = list.taken.empty() ? list.first : (list.first + 1) / 2;
      list.asked = strongest(list, std::min(chunk, list.most - std::ssize(list.taken)));
      for (const int64_t d : list.asked)
        if (!is_exact(d)) chosen.insert(d);
    }
    if (chosen.empty()) close_chunk();  // other lists have had all of them scored
  }
  return {chosen.begin(), chosen.end()};
}

void Candidates::take(const std::vector<int64_t>& documents, const std::vector<float>& scores) {
  for (size_t i = 0; i < documents.size(); ++i) {
    places_[documents[i]] = places_.size();
    for (int64_t q = 0; q < queries_; ++q) exact_.push_back(scores[static_cast<size_t>(q) * documents.size() + i]);
  }
  close_chunk();
}

void Candidates::close_chunk() {
  for (List& list : lists_) {
    list.taken.insert(list.taken.end(), list.asked.begin(), list.asked.end());
    list.there.insert(list.asked.begin(), list.asked.end());
    list.asked.clear();
    judge(list);
  }
}

bool Candidates::enough(const List& list) const {
  return std::ssize(list.taken) == list.most || (options_.late > 0 && list.late <= options_.late);
}

void Candidates::judge(List& list) const {
  list.late = std::ssize(list.taken) == list.most ? 0 : 1;
  if (list.late == 0 || std::ssize(list.taken) < 2 * list.first) return;
  const auto strength = [&](int64_t document) { return list.sign * score(list.query, document); };
  std::vector<float> strengths;
  for (const int64_t document : list.taken) strengths.push_back(strength(document));
  const auto last_place = strengths.begin() + (list.first - 1);
  std::nth_element(strengths.begin(), last_place, strengths.end(), std::greater<>());
  const auto held = std::count_if(list.taken.end() - list.first, list.taken.end(),
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

bool Candidates::goes_on(int64_t query) const {
  return !enough(lists_[2 * query]) || !enough(lists_[2 * query + 1]);
}

std::vector<int64_t> Candidates::taken(int64_t query) const {
  std::vector<int64_t> all = lists_[2 * query].taken;
  for (const int64_t document : lists_[2 * query + 1].taken)
    if (!lists_[2 * query].there.contains(document)) all.push_back(document);
  return all;
}

std::vector<int64_t> Candidates::scored() const {
  std::vector<int64_t> all;
  for (const auto& [document, place] : places_) all.push_back(document);
  std::ranges::sort(all);
  return all;
}

std::vector<int64_t> Candidates::leading(int64_t places) const {
  std::set<int64_t> chosen;
  for (const List& list : lists_) {
    const auto first = strongest_by([&](int64_t d) { return list.sign * estimate(list.query, d); },
                                    waiting(list.query), std::min(places, list.most));
    chosen.insert(first.begin(), first.end());
  }
  return {chosen.begin(), chosen.end()};
}

float Candidates::score(int64_t query, int64_t document) const {
  const auto found = places_.find(document);
  return found == places_.end() ? estimate(query, document)
                                : exact_[found->second * static_cast<size_t>(queries_) + static_cast<size_t>(query)];
}

}  // namespace stemma
