// Cuts of a whole text that no merge could cross, so that its words can be merged one by one.
#pragma once

#include <optional>

#include "runtime/model/tokenizer/byte_pair_model.h"
#include "runtime/model/tokenizer/pieces.h"

namespace stemma {

// Between two characters that no token has side by side: anywhere if there are tokens for all bytes, else only before
// U+2581. Nothing where words could not be told apart from the text as a whole.
std::optional<PreTokenizer> safe_cuts(const Vocabulary& vocabulary, const BytePairPlan& plan);

}  // namespace stemma
