// The steps that a tokenizer.json's "normalizer" takes before text is cut; each rewrites a text in place. They follow
// the crate `tokenizers`; bytes that are not UTF-8 pass through all of them. Safe to call from several threads.
#pragma once

#include <functional>
#include <string>

#include "runtime/model/tokenizer/normal_text.h"

namespace stemma {

using Normalizer = std::function<void(NormalText&)>;

Normalizer normal_form(NormalForm form);
Normalizer lower_case();
Normalizer strip(bool left, bool right);  // white space
Normalizer strip_accents();               // every mark
Normalizer nmt();                         // control characters out, odd spaces to ' ', as in SentencePiece's nmt rules
Normalizer prepend(std::string text);     // where the text is not empty
Normalizer replace(std::string pattern, std::string content);  // a literal
// Throws Error where the expression is broken; `file` is for messages.
Normalizer replace_expression(const std::string& expression, std::string content, const std::string& file);
Normalizer spell_bytes();  // each byte as GPT-2's alphabet writes it
Normalizer bert(bool cleans, bool spaces_han, bool strips_accents, bool lowers);
// SentencePiece's removal of spaces at both ends (U+2581 too at the end) and of repeated ones.
Normalizer single_spaces();

}  // namespace stemma
