// The documents of a corpus as tokens, batch by batch, with progress: what fit and scan have in common.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "runtime/corpus/corpus.h"
#include "runtime/corpus/packing.h"
#include "runtime/progress.h"

namespace stemma {

class DocumentBatches {
 public:
  // Documents too short to predict anything (fewer than two tokens) are left out of the batches.
  DocumentBatches(const Model& model, const Corpus& corpus, int64_t budget, const Control& control);
  DocumentBatches(std::vector<std::vector<int32_t>> documents, int64_t budget);  // tokens already

  // Calls visit(labelled, documents) for each batch from number `first` on; documents[s] is segment s's index in the
  // corpus. After each, `after` hears how many batches are done, and whether the work is about to be stopped.
  using Visit = std::function<void(const LabelledBatch&, const std::vector<int32_t>&)>;
  using After = std::function<void(int64_t done, bool stopping)>;
  void each(const std::string& stage, const Control& control, const Visit& visit, int64_t first = 0,
            const After& after = {}) const;

  int64_t tokens() const { return tokens_; }  // rows in all batches
  int64_t batches() const { return static_cast<int64_t>(borders_.size()) - 1; }
  int64_t largest() const;         // rows in the largest batch
  int64_t most_documents() const;  // in one batch
  size_t bytes() const;            // of the tokens, in memory
  int64_t tokens_before(int64_t batch) const;
  std::string hash() const;  // of every document's tokens and the batches' borders
  int64_t documents() const { return static_cast<int64_t>(order_.size()); }
  const std::vector<int32_t>& document(int32_t index) const { return documents_[index]; }

 private:
  void arrange(int64_t budget);

  std::vector<std::vector<int32_t>> documents_;
  std::vector<int32_t> order_;
  std::vector<int64_t> borders_;
  int64_t tokens_ = 0;
};

}  // namespace stemma
