// Which of its file forms a tokenizer lies in.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "runtime/model/tokenizer/plan.h"

namespace stemma {

struct OpenedTokenizer {
  TokenizerPlan plan;
  std::string hash;  // of all that was read
};

// `path`: a file of any form, or a folder; there the first of tokenizer.json, a tiktoken or SentencePiece
// tokenizer.model, spiece.model, *.tiktoken, vocab.json with merges.txt. tokenizer_config.json and its older companions
// are read beside it.
OpenedTokenizer open_tokenizer(const std::filesystem::path& path);

// From the bytes of one file, told apart by how it begins, and of tokenizer_config.json (empty: none). `merges`: of
// merges.txt, where `bytes` are vocab.json.
OpenedTokenizer open_tokenizer(std::string_view bytes, std::string_view merges, std::string_view configuration,
                               const std::string& file);

}  // namespace stemma
