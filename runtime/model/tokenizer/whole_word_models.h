// Models that look words up: WordPiece (Schuster & Nakajima 2012) and WordLevel.
#pragma once

#include <memory>
#include <string>

#include "runtime/model/tokenizer/vocabulary.h"
#include "runtime/model/tokenizer/word_model.h"

namespace stemma {

// The longest token first; later parts of a word are spelled with `continuing` before them. A word that has no such
// cut, or more characters than `longest`, is `unknown` as a whole (-1: left out).
std::unique_ptr<const WordModel> word_piece_model(const Vocabulary& vocabulary, std::string continuing, size_t longest,
                                                  int32_t unknown);
std::unique_ptr<const WordModel> word_level_model(const Vocabulary& vocabulary, int32_t unknown);

}  // namespace stemma
