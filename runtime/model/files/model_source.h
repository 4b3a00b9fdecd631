// The parts of a model on disk, opened and checked, its numbers not read yet.
#pragma once

#include <filesystem>
#include <optional>

#include "runtime/model/chat_template.h"
#include "runtime/model/config.h"
#include "runtime/model/files/checkpoint.h"
#include "runtime/model/files/model_files.h"
#include "runtime/model/tokenizer.h"

namespace stemma {

// From config.json, or from a GGUF file's metadata. Throws Error as parse_config does.
ModelConfig read_config(const ModelFiles& files);
// What Tokenizer is to read: the GGUF file where that holds a vocabulary, else the folder.
std::filesystem::path tokenizer_path(const ModelFiles& files);
// The same of what a person names: a tokenizer's own file, or a model.
std::filesystem::path tokenizer_path(const std::filesystem::path& named);

// From the same place as the tokenizer; nothing where there is none.
std::optional<ChatTemplate> chat_template_of(const ModelFiles& files);

struct ModelSource {
  ModelConfig config;
  Checkpoint weights;
  std::filesystem::path tokenizer;  // for Tokenizer to read
  std::optional<ChatTemplate> chat;
};
ModelSource open_source(const ModelFiles& files);

// Throws Error where the embedding has no row for some of its tokens.
void check_tokenizer(const Tokenizer& tokenizer, const ModelConfig& config, const ModelFiles& files);

}  // namespace stemma
