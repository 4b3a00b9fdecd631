// Documents as tokens, and packed into batches: whole documents, no padding.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "runtime/model/forward.h"

namespace stemma {

// What training and attribution both see of a document: bos, its text, eos; cut to the model's context.
std::vector<int32_t> document_tokens(const Tokenizer& tokenizer, std::string_view text, int context);

// A batch in which every row predicts the next token of its document: the last token, which predicts nothing, is not
// fed. So no row has to be masked in sums over tokens.
struct LabelledBatch {
  Batch batch;
  std::vector<int32_t> targets;  // (N)

  void add(const std::vector<int32_t>& document);  // of at least two tokens
};

// Splits documents, in the given order, into runs of at most `budget` tokens (a longer document is a run of its own).
// Returns the runs' borders in `order`: run r is order[borders[r]] .. order[borders[r+1]-1].
std::vector<int64_t> pack(const std::vector<std::vector<int32_t>>& documents, const std::vector<int32_t>& order,
                          int64_t budget);

}  // namespace stemma
