// Making an index, and adding to it.
#pragma once

#include "runtime/influence/index/index.h"

namespace stemma {

struct IndexOptions {
  BasisOptions basis;
  int64_t sample = 4096;  // documents that the directions are found on
  int64_t batch_tokens = usual_batch_tokens;
  int64_t part_documents = 16384;
  Ranks* ranks = nullptr;  // over which the build is spread; null: alone
};

struct IndexBuilt {
  int64_t added = 0, there_already = 0;  // documents
};

// Finds the directions where there is no index yet; then adds every document whose id is not in it, part by part, in
// the corpus's order. A build that was cut off goes on behind its last part, and ends with the same bytes. Rank 0
// writes; what it returns to the others says nothing. Throws Error: an index of another model or other factors; disk;
// cancelled.
IndexBuilt build_index(const std::filesystem::path& path, const Model& model, const Factors& factors,
                       const Corpus& corpus, const IndexOptions& options, const Control& control);

// On disk, of a new index of so many documents with so many tokens, but for their names.
double index_bytes(const Model& model, const IndexOptions& options, int64_t documents, int64_t tokens);

}  // namespace stemma
