// Models that look words up: WordPiece (Schuster & Nakajima 2012), WordLevel and SentencePiece's of words.
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
// A text is cut before every U+2581. Unknown words side by side are one token, or bytes.
std::unique_ptr<const WordModel> spaced_words_model(const Vocabulary& vocabulary, int32_t unknown,
                                                    bool falls_back_to_bytes);

}  // namespace stemma
