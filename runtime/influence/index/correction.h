// What the exact scores of some documents say of those that wait.
//
// An estimate leaves out what lies beside the directions. That is not independent of a document's numbers: documents
// that are alike in these are alike in the rest, so where estimates of some were too low, those of their like are. The
// difference of score and estimate is regressed on the numbers: kernel ridge regression with K_ij = n_i . n_j, the mean
// of a Gaussian process (Rasmussen and Williams 2006, eq. 2.25), whose noise is a fifth of K's mean diagonal. As it is
// linear in the numbers, a correction is one more direction to search along.
#pragma once

#include <cstdint>
#include <memory>
#include <unordered_set>
#include <vector>

#include "runtime/influence/index/candidates.h"
#include "runtime/influence/index/index.h"

namespace stemma {

// Of one question. Any one thread.
class ErrorRegression {
 public:
  // rows (n, numbers), the numbers times their lengths; errors (n) score - estimate.
  void add(const std::vector<float>& rows, const std::vector<float>& errors);
  // (numbers): its product with a document's row is what the estimate lacks. 0 where nothing can be learned, empty
  // before anything was added.
  std::vector<float> direction() const;

 private:
  int64_t count() const { return static_cast<int64_t>(errors_.size()); }

  std::vector<float> rows_, errors_;
  std::vector<std::vector<float>> products_;  // of each row with itself and those before
};

// Of all questions of some candidates, one after another. The index outlives it.
class Corrections {
 public:
  Corrections(const Index& index, std::shared_ptr<Ops> cpu) : index_(index), cpu_(std::move(cpu)) {}
  void apply(Candidates& candidates);  // to the estimates of those that wait, by the scores so far

 private:
  struct Question {
    ErrorRegression regression;
    std::unordered_set<int64_t> known;  // documents in it
  };
  const Index& index_;
  std::shared_ptr<Ops> cpu_;
  std::vector<Question> questions_;
};

}  // namespace stemma
