// The documents of a corpus as tokens, batch by batch, with progress: what fit and scan have in common.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "runtime/corpus/corpus.h"
#include "runtime/corpus/packing.h"
#include "runtime/progress.h"
#include "runtime/ranks/ranks.h"

namespace stemma {

inline constexpr int64_t usual_batch_tokens = 2048;  // enough for products; a scan may take more (batch_size.h)

class DocumentBatches {
 public:
  // Documents too short to predict anything (fewer than two tokens) are left out of the batches.
  DocumentBatches(const Model& model, const Corpus& corpus, int64_t budget, const Control& control);
  DocumentBatches(std::vector<std::vector<int32_t>> documents, int64_t budget);  // tokens already

  void pack_again(int64_t budget);

  // A pass over all batches, spread over the ranks: what each shard (a few batches in a row) makes comes to rank 0,
  // which takes it in the order of shards. Rows of numbers for each document, in the order of members(), and sums
  // alike.
  struct Pass {
    std::string stage, key;   // as a person would say it; of all that the work depends on
    int64_t shard = 1;        // batches
    int64_t first = 0;        // shards that are done
    int64_t ahead = 1 << 20;  // shards whose numbers may wait on rank 0 for those of an earlier one
    // For each batch of a shard in turn; documents[s] is segment s's index in the corpus. `listen` as of Ranks::Pass.
    std::function<void(int64_t batch, const LabelledBatch&, const std::vector<int32_t>& documents,
                       const std::function<void()>& listen)>
        visit;
    std::function<std::vector<float>()> made;  // by the shard whose batches were visited
    std::function<void(int64_t shard, std::vector<float>&)> take;
    // On rank 0: how many shards are taken, and whether the work is about to be stopped. May be empty.
    std::function<void(int64_t taken, bool stopping)> after;
  };
  void each(Ranks& ranks, const Pass& pass, const Control& control) const;
  // Every batch, here.
  void each(const std::string& stage, const Control& control,
            const std::function<void(const LabelledBatch&, const std::vector<int32_t>&)>& visit) const;
  int64_t shards(int64_t shard) const { return (batches() + shard - 1) / shard; }  // of so many batches each
  std::vector<int32_t> members(int64_t batch) const;

  int64_t tokens() const { return tokens_; }  // rows in all batches
  int64_t batches() const { return static_cast<int64_t>(borders_.size()) - 1; }
  int64_t largest() const;         // rows in the largest batch
  int64_t most_documents() const;  // in one batch
  size_t bytes() const;            // of the tokens, in memory
  int64_t tokens_before(int64_t batch) const { return tokens_before_[batch]; }
  std::string hash() const;  // of every document's tokens and the batches' borders
  int64_t documents() const { return static_cast<int64_t>(order_.size()); }
  const std::vector<int32_t>& document(int32_t index) const { return documents_[index]; }

 private:
  std::vector<std::vector<int32_t>> documents_;
  std::vector<int32_t> order_;
  std::vector<int64_t> borders_, tokens_before_;  // of each batch, and the end
  int64_t tokens_ = 0;
};

}  // namespace stemma
