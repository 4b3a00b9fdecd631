// What attention multiplies at one layer, from the residual stream before it: for those who have recorded that, and
// want no whole forward. The same numbers as the forward's; tests/runtime/trace/attention_row_test.cpp holds them
// together for every family.
#pragma once

#include <span>

#include "runtime/model/model.h"

namespace stemma {

struct QueriesKeys {
  Buffer queries;     // (n, H*D), after norm and turn
  MatrixBuffer keys;  // (n, G*D), and rounded as a cache keeps them
};

// residual (n,C) of the first n tokens of one text. `long_text`: it is turned by LongRoPE's second factors.
QueriesKeys queries_and_keys(const Model& model, int layer, Tensor residual, bool long_text);

// The residual before the first block: embeddings, scaled, with learned positions where the family has them. out (n,C)
void embed_text(const Model& model, std::span<const int32_t> ids, Tensor out);

}  // namespace stemma
