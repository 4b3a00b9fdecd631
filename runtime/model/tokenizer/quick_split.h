// The split patterns of GPT-2 and of cl100k and its children, written out by hand: several times as fast as any engine
// of regular expressions, and the same words.
#pragma once

#include <optional>
#include <string_view>

#include "runtime/model/tokenizer/pieces.h"

namespace stemma {

extern const std::string_view gpt2_pattern;
extern const std::string_view cl100k_pattern;  // Llama 3, OLMo 2, SmolLM3 too
extern const std::string_view qwen2_pattern;   // every digit by itself

// Cuts by `pattern` where it is one of those.
std::optional<PreTokenizer> quick_split(std::string_view pattern);

}  // namespace stemma
