// Which documents of an index are scored exactly, in which order, and when that is enough.
//
// Every question has two lists: its proponents, and a quarter as long its opponents. A list's documents are scored in
// the order of their estimates, chunk by chunk, and it is enough when those that were scored last hold few of its
// places. (The differences of scores and estimates so far are no guide to those to come: the documents that are
// estimated best come first.)
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace stemma {

struct CandidateOptions {
  int64_t most = 1000;  // proponents of a question that are scored, and a quarter as many opponents; then it is enough
  int64_t first = 100;  // places of the proponents' list that are looked for, and a quarter as many of the opponents'
  double late = 0.05;   // share of those places that the last documents scored, as many as there are places, may hold;
                        // 0: all of `most` are scored
};

class Candidates {
 public:
  // `estimates` (Q, D).
  Candidates(std::vector<float> estimates, int64_t queries, const CandidateOptions& options);

  std::vector<int64_t> next() const;  // documents to score now, rising; empty: it is enough
  void take(const std::vector<int64_t>& documents, const std::vector<float>& scores);  // (Q, documents), exact
  double late() const;  // share of the lists' places, over all lists that are not scored to their end

  std::vector<int64_t> scored() const;                 // rising
  std::vector<int64_t> leading(int64_t places) const;  // first so many of each list by their estimates; rising
  bool is_exact(int64_t document) const { return places_.contains(document); }
  float score(int64_t query, int64_t document) const;  // the estimate where there is no exact one

 private:
  struct List {
    int64_t query;
    float sign;                  // of an opponents' list -1
    int64_t first;               // places that are looked for
    std::vector<int64_t> order;  // all that may be scored, strongest estimate first
    double late = 1;             // share of `first`
  };
  float estimate(int64_t query, int64_t document) const { return estimates_[query * documents_ + document]; }
  void judge(List& list) const;

  std::vector<float> estimates_;
  int64_t queries_, documents_;
  CandidateOptions options_;
  std::vector<List> lists_;
  std::unordered_map<int64_t, size_t> places_;  // of each scored document in exact_
  std::vector<float> exact_;                    // (scored, Q)
};

}  // namespace stemma
