// A tokenizer as read from any of its file forms: what happens to text, in order.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "runtime/model/tokenizer/added_tokens.h"
#include "runtime/model/tokenizer/decoder.h"
#include "runtime/model/tokenizer/normalizers.h"
#include "runtime/model/tokenizer/pre_tokenizers.h"
#include "runtime/model/tokenizer/vocabulary.h"
#include "runtime/model/tokenizer/word_model.h"

namespace stemma {

inline constexpr int32_t most_tokens = 1 << 21;
inline constexpr size_t longest_token = 65536;

struct TokenizerPlan {
  std::unique_ptr<Vocabulary> vocabulary = std::make_unique<Vocabulary>();  // the model's own, without added tokens
  std::vector<AddedToken> added;
  std::vector<Normalizer> normalizers;
  std::vector<PreTokenizer> pre_tokenizers;
  std::unique_ptr<const WordModel> model;  // may refer to the vocabulary
  Decoder decoder;
  std::vector<int32_t> before, after;  // what the post-processor puts around a text
  int32_t bos = -1, eos = -1;
  bool cuts_text = false;          // a pre-tokenizer does, beside that of safe_cuts
  bool looks_at_origins = false;   // a pre-tokenizer asks whether a piece begins the user's text
  bool names_are_guessed = false;  // of the added tokens; a configuration may have others

  int32_t find(const std::string& token) const;  // an added token or one of the model's; -1: none
  // Adds the token, or changes what an added token of this id is. Throws Error where its id is another token's.
  void add(AddedToken token, const std::string& file);
};

}  // namespace stemma
