// BPE over bytes (GPT-2 and after) or characters (SentencePiece): a word's symbols, then the merges.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/model/tokenizer/byte_pairs.h"
#include "runtime/model/tokenizer/vocabulary.h"

namespace stemma {

struct BytePairPlan {
  std::vector<Merge> merges;
  std::string unknown;                  // the token for what has none; empty: left out
  std::string continuing, end_of_word;  // in the spelling of symbols that do not begin, and that end, a word
  bool fuses_unknown = false;           // one token for unknown symbols that follow each other
  bool falls_back_to_bytes = false;     // <0xNN>
  bool ignores_merges = false;          // a word that is a token is that token
};

// `of_bytes`: words are bytes, which the vocabulary spells in GPT-2's alphabet; otherwise they are as it spells them.
std::unique_ptr<const WordModel> byte_pair_model(const Vocabulary& vocabulary, const BytePairPlan& plan, bool of_bytes);

}  // namespace stemma
