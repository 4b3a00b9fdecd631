// How many tokens of documents a scan takes at once.
//
// What a batch costs beside its tokens is queries: those of rank r, where documents' gradients meet them, are
// multiplied out, 2 r N operations each for a layer of N weights; those of full rank are read, N numbers, which takes
// about as long as read_operations N. Spread over more tokens both weigh less, until memory ends it: of every token of
// a batch the backward needs every block's values.
#pragma once

#include <cstdint>

#include "runtime/influence/memory.h"

namespace stemma {

inline constexpr double read_operations = 40;           // in the time that a number is read from memory
inline constexpr double batch_bytes = 4.0 * (1 << 30);  // of a batch of more than usual_batch_tokens, at most
inline constexpr int64_t most_batch_tokens = 16384;
inline constexpr int64_t least_batches = 32;  // of a corpus, so that ranks have several each and end nearly together
inline constexpr int64_t short_batch_tokens = 4096;  // of a corpus that takes one rank few seconds, at most

inline constexpr int64_t lane_tokens = 512;  // of a batch that one thread takes: hardly fewer a second than of more

struct CorpusLength {
  int64_t documents = 0, tokens = 0;
};

// Of the model, the queries and the corpus alone, so that every rank and a later run pack the same batches: the fewest
// tokens with which the scan takes within a fiftieth of the operations that it takes with as many as memory and corpus
// let it have. Never fewer than usual_batch_tokens. Throws Error(usage) where the choice means no layer.
int64_t scan_batch_tokens(const Model& model, const ScanQueries& queries, const CorpusLength& corpus);
int64_t scan_batch_tokens(const Model& model, const ScanQueries& queries, const DocumentBatches& batches);

// Whether threads had better take batches, one each (kernels/side_by_side.h), than share the products of one: where the
// weights and so many queries, which every batch reads, nearly stay in the caches.
bool threads_take_batches(const Model& model, int64_t queries);

// Operations for each token of such a scan, as if bf16's took half as long as f32's; what attention does is left out.
double scan_operations_a_token(const Model& model, const ScanQueries& queries, double document_tokens,
                               int64_t batch_tokens);

}  // namespace stemma
