// Which documents of an index are scored exactly, in which order, and when that is enough.
//
// Every question has two lists: its proponents, and a quarter as long its opponents. A list takes the documents of the
// strongest estimates, chunk by chunk; between two chunks the exact scores may correct the estimates of those that wait
// (correction.h). It is enough when the documents that were taken last hold few of its places. (The differences of
// scores and estimates so far are no guide to those to come: the documents that are estimated best come first.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace stemma {

struct CandidateOptions {
  int64_t most = 1000;  // proponents of a question that are scored, and a quarter as many opponents; then it is enough
  int64_t first = 100;  // places of the proponents' list that are looked for, and a quarter as many of the opponents'
  double late = 0.03;   // share of those places that the last documents taken, as many as there are places, may hold;
                        // 0: all of `most` are scored
};

class Candidates {
 public:
  // `estimates` (Q, D).
  Candidates(std::vector<float> estimates, int64_t queries, const CandidateOptions& options);

  std::vector<int64_t> next();  // documents to score now, rising; empty: it is enough
  void take(const std::vector<int64_t>& documents, const std::vector<float>& scores);  // (Q, documents), exact
  double late() const;  // share of the lists' places, over all lists that are not taken to their end

  int64_t queries() const { return queries_; }
  // What a correction of a question's estimates needs and changes. `waiting`: those that its lists may still reach.
  bool goes_on(int64_t query) const;
  std::vector<int64_t> taken(int64_t query) const;  // by its lists, in the order in which they were
  const std::vector<int64_t>& waiting(int64_t query) const { return waiting_[static_cast<size_t>(query)]; }
  float first_estimate(int64_t query, int64_t document) const { return first_[place(query, document)]; }
  void estimate_anew(int64_t query, int64_t document, float estimate) { estimates_[place(query, document)] = estimate; }

  std::vector<int64_t> scored() const;                 // rising
  std::vector<int64_t> leading(int64_t places) const;  // first so many of each list by their estimates; rising
  const std::vector<int64_t>& proponents(int64_t query) const { return lists_[2 * query].taken; }
  bool is_exact(int64_t document) const { return places_.contains(document); }
  float score(int64_t query, int64_t document) const;  // the estimate where there is no exact one

 private:
  struct List {
    int64_t query;
    float sign;            // of an opponents' list -1
    int64_t most, first;   // documents that may be taken; places that are looked for
    std::vector<int64_t> taken, asked;  // in order; those of the chunk that is being scored
    std::unordered_set<int64_t> there;  // the same
    double late = 1;                    // share of `first`
  };
  size_t place(int64_t query, int64_t document) const { return static_cast<size_t>(query * documents_ + document); }
  float estimate(int64_t query, int64_t document) const { return estimates_[place(query, document)]; }
  std::vector<int64_t> strongest(const List& list, int64_t count) const;  // of those that wait
  bool enough(const List& list) const;
  void close_chunk();
  void judge(List& list) const;

  std::vector<float> first_, estimates_;
  int64_t queries_, documents_;
  CandidateOptions options_;
  std::vector<List> lists_;
  std::vector<std::vector<int64_t>> waiting_;   // of each query
  std::unordered_map<int64_t, size_t> places_;  // of each scored document in exact_
  std::vector<float> exact_;                    // (scored, Q)
};

}  // namespace stemma
