// How the families cut text, for files that only name them or do not say.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

namespace stemma {

// "normalizer", "pre_tokenizer" and "decoder" as in the family's tokenizer.json, and "ignore_merges". By the name that
// a GGUF file gives in tokenizer.ggml.pre; null: not known.
nlohmann::json family_stages(std::string_view pre);
// The name in that table for a tokenizer class of transformers; empty: not known.
std::string_view family_of_class(std::string_view tokenizer_class);

// The stages of a SentencePiece model: a space is put before the text and spaces are kept, or not.
nlohmann::json sentencepiece_stages(bool prefix_space);

}  // namespace stemma
