// The unigram language model (Kudo 2018): of all cuts of a word into tokens, the one of the largest sum of scores.
#pragma once

#include <memory>
#include <vector>

#include "runtime/model/tokenizer/vocabulary.h"
#include "runtime/model/tokenizer/word_model.h"

namespace stemma {

struct UnigramPlan {
  std::vector<double> scores;      // by id, as many as the vocabulary has
  std::vector<bool> hidden;        // by id, empty for none: tokens that text never becomes
  std::vector<bool> user_defined;  // by id, empty for none: tokens that win over all others, as SentencePiece has them
  int32_t unknown = -1;            // -1: a text that needs it is left out there
  bool falls_back_to_bytes = false;  // <0xNN>
  bool sums_floats = false;          // in single precision, as SentencePiece does
};

std::unique_ptr<const WordModel> unigram_model(const Vocabulary& vocabulary, UnigramPlan plan);

}  // namespace stemma
