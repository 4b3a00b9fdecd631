// The steps of a tokenizer.json's "pre_tokenizer": each cuts pieces finer, some rewrite them. They follow the crate
// `tokenizers`. Safe to call from several threads.
#pragma once

#include <optional>
#include <string>

#include "runtime/model/tokenizer/pieces.h"

namespace stemma {

// What becomes of the matches.
enum class Behavior { removed, isolated, merged_with_previous, merged_with_next, contiguous };
// By its name in a file.
std::optional<Behavior> behavior_of(const std::string& name);

// `invert`: what does not match is cut at instead. Throws Error where the expression is broken; `file` is for messages.
PreTokenizer split_at_expression(const std::string& expression, Behavior behavior, bool invert,
                                 const std::string& file);
PreTokenizer split_at_literal(std::string literal, Behavior behavior, bool invert);
// Each character that `is_match` holds for is a match of its own.
PreTokenizer split_at_characters(bool (*is_match)(char32_t), Behavior behavior);
PreTokenizer split_at_character(char32_t character, Behavior behavior);
PreTokenizer white_space_and_words();  // \w+|[^\w\s]+
PreTokenizer fixed_length(size_t characters);

PreTokenizer prefix_space();        // before every piece that has none
PreTokenizer spell_pieces_bytes();  // each byte as GPT-2's alphabet writes it

enum class PrependScheme { never, first, always };
// Spaces become `replacement`, one more is put before; `split` cuts before each.
PreTokenizer metaspace(std::string replacement, PrependScheme scheme, bool split);

}  // namespace stemma
