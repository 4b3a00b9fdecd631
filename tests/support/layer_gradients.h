// Per document and tracked layer: inputs and output gradients of each token, in f64, one document at a time.
#pragma once

#include <vector>

#include "runtime/corpus/packing.h"
#include "runtime/model/model.h"
#include "tests/support/compare.h"

namespace stemma::test {

struct LayerRows {
  Matrix a, g;                                                                         // (T, M), (T, P)
  Matrix gradient() const { return reference::product(reference::transposed(g), a); }  // (P, M)
};

// Of weight * sum over labelled rows of -log p(target); indexed by tracked_index.
std::vector<LayerRows> layer_rows(const Model& model, const LabelledBatch& labelled, float weight);

// Gradients of log p of tokens [begin, end) given all before them.
std::vector<Matrix> span_gradients(const Model& model, const std::vector<int32_t>& tokens, int32_t begin, int32_t end);

}  // namespace stemma::test
