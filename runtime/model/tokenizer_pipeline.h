// The stages around the merges in a tokenizer.json: normalizer, pre_tokenizer, post_processor, decoder.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "runtime/model/tokenizer_file.h"

namespace stemma {

// Fills the fields of `to` that say how text is cut. Throws Error naming the first stage that is not supported.
void read_pipeline(const nlohmann::json& document, const std::string& file, TokenizerFile& to);

// The token that the post_processor puts before a text; empty for none. Throws Error where it does anything else.
std::string bos_of_post_processor(const nlohmann::json& document, const std::string& file);

}  // namespace stemma
