// The stages around the model in a tokenizer.json: normalizer, pre_tokenizer, decoder, post_processor.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "runtime/model/tokenizer/plan.h"

namespace stemma {

// A stage's parts in order: Sequences are opened. Throws Error where they are too many or too deep.
std::vector<const nlohmann::json*> stage_parts(const nlohmann::json* stage, const char* list, const std::string& file);
[[noreturn]] void refuse_stage(const std::string& file, const std::string& what);

// All throw Error naming the first part that is not supported.
void read_normalizers(const nlohmann::json& document, const std::string& file, TokenizerPlan& to);
// Returns whether words reach the model as bytes, for it to spell; asked for with `may_leave_bytes`, otherwise they are
// always spelled as the vocabulary spells them.
bool read_pre_tokenizers(const nlohmann::json& document, const std::string& file, bool may_leave_bytes,
                         TokenizerPlan& to);
void read_decoder(const nlohmann::json& document, const std::string& file, TokenizerPlan& to);
void read_post_processor(const nlohmann::json& document, const std::string& file, TokenizerPlan& to);

}  // namespace stemma
