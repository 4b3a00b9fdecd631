// Exact scores of a few documents at a time, as an answer asks for them.
//
// Of small models threads take batches, one each. One query meets a document's tokens, 2 N of N weights for each, which
// is as many operations as forming its gradient takes, and says which tokens and layers the score comes from.
#pragma once

#include <memory>
#include <unordered_map>
#include <vector>

#include "runtime/influence/tables/decompose.h"
#include "runtime/progress.h"

namespace stemma {

// Memory is kept from call to call. The model and the gradients (preconditioned) outlive it. One thread at a time.
class ExactScores {
 public:
  // batch_tokens: 0, the usual. Where threads take batches, their bits do not depend on the number of threads.
  ExactScores(const Model& model, const QueryGradients& gradients, int64_t batch_tokens);
  ~ExactScores();

  // Of documents, each once in all calls, and their tokens. Returns scores (Q, documents) as scan's but for rounding, 0
  // for documents too short to predict anything. Control hears of the documents of all calls. Throws Error: cancelled.
  std::vector<float> of(const std::vector<int64_t>& documents, const std::vector<std::vector<int32_t>>& tokens,
                        const Control& control);

  const QueryGradients& gradients() const { return gradients_; }
  // Of one query: what a document's score, which was computed here, is the sum of; empty where it is too short.
  const Decomposition& parts(int64_t document) const { return parts_.at(document); }

 private:
  struct Lane;
  const Model& model_;
  const QueryGradients& gradients_;
  bool in_lanes_;
  int64_t batch_tokens_;
  std::vector<std::unique_ptr<Lane>> lanes_;  // made by their threads
  size_t scored_ = 0;                         // documents, in the calls before
  std::unordered_map<int64_t, Decomposition> parts_;
};

}  // namespace stemma
