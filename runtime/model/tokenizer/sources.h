// The file forms of tokenizers. Each reads untrusted text, checks it, and throws Error naming the file, what is broken
// or not supported, and where; `file` is for messages.
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "runtime/model/tokenizer/byte_pairs.h"
#include "runtime/model/tokenizer/plan.h"

namespace stemma {

class Gguf;

// Throws Error(bad_file): `what` is wrong in `file`.
[[noreturn]] void refuse_tokenizer(const std::string& file, const std::string& what);

// tokenizer.json, in the forms of all versions of the crate `tokenizers`.
TokenizerPlan plan_of_json(const nlohmann::json& document, const std::string& file);
// vocab.json and merges.txt. `kind` is the class of transformers that the configuration names ("Qwen2Tokenizer"); it
// says how text is cut.
TokenizerPlan plan_of_merges(std::string_view vocabulary, std::string_view merges, const std::string& kind,
                             const std::string& file);
// Lines of a token in base64 and its rank (tiktoken; Llama 3's tokenizer.model; qwen.tiktoken). The count of ranks says
// whose it is.
TokenizerPlan plan_of_tiktoken(std::string_view text, const std::string& file);
// Mistral's tekken.json: tokens in base64 by rank, the pattern, and special tokens, whose ids come first.
TokenizerPlan plan_of_tekken(const nlohmann::json& document, const std::string& file);
bool is_tekken(const nlohmann::json& document);
// SentencePiece's protobuf, tokenizer.model or spiece.model. `prefixes_each`: every stretch between added tokens begins
// with a space, not only the text.
TokenizerPlan plan_of_sentencepiece(std::string_view bytes, bool prefixes_each, const std::string& file);
// The metadata tokenizer.ggml.* of a GGUF file.
TokenizerPlan plan_of_gguf(const Gguf& gguf);

// tokenizer_config.json, with what special_tokens_map.json and added_tokens.json beside it say where it is silent.
void apply_configuration(const nlohmann::json& configuration, const std::string& file, TokenizerPlan& to);
// clean_up_tokenization_spaces, as transformers 5 heeds it: not for BPE, unless a second field insists. Whether it is.
bool clean_up(const nlohmann::json& configuration, TokenizerPlan& to);

// For forms without a list of merges: every way to make a token of two others, ranked as the token is. `rank` by id;
// ~0u: never made.
std::vector<Merge> merges_of_ranks(const Vocabulary& vocabulary, const std::vector<uint32_t>& ranks);
// The model of a vocabulary of bytes whose tokens are merged in the order of their ids, and the steps around it.
void merge_by_id(const nlohmann::json& stages, const std::string& file, TokenizerPlan& to);

}  // namespace stemma
