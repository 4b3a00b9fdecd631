// The "model" of a tokenizer.json: vocabulary and what turns words into tokens.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "runtime/model/tokenizer/byte_pair_model.h"
#include "runtime/model/tokenizer/plan.h"

namespace stemma {

enum class ModelKind { byte_pairs, unigram, word_piece, word_level };
// By "type", or, in old files, by the fields. Throws Error where it is none of these.
ModelKind model_kind(const nlohmann::json& document, const std::string& file);
// Whether its words may be bytes (see read_pre_tokenizers).
bool model_takes_bytes(const nlohmann::json& model, ModelKind kind);

int32_t checked_id(const nlohmann::json& value, std::string_view token, const std::string& file);
void read_vocabulary(const nlohmann::json& object, const std::string& file, Vocabulary& to);
// Of two spellings; `continuing` is what the right one begins with and the result lacks.
Merge merge_of(const std::string& left, const std::string& right, uint32_t rank, const std::string& continuing,
               const Vocabulary& vocabulary, const std::string& file);
Merge merge_of_line(const std::string& line, uint32_t rank, const std::string& continuing, const Vocabulary& vocabulary,
                    const std::string& file);

// Fills vocabulary and model; `of_bytes` as read_pre_tokenizers says.
void read_model(const nlohmann::json& model, ModelKind kind, bool of_bytes, const std::string& file, TokenizerPlan& to);

}  // namespace stemma
