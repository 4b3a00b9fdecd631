// What a model on disk is, how much of it is there, and what stands in the way of running it. Its numbers are not read.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/model/chat_template.h"
#include "runtime/model/config.h"
#include "runtime/model/files/model_files.h"
#include "runtime/model/tokenizer.h"

namespace stemma {

struct ModelReport {
  ModelFiles files;
  std::string config_text;  // config.json, or what a GGUF file's metadata amount to; empty where it is missing
  std::optional<ModelConfig> config;           // none where the model is not supported
  std::map<std::string, int64_t> stored;       // numbers by their type: "BF16"
  int shards = 0;                              // files of weights
  std::optional<double> kept_bytes;            // in memory as load_model keeps quantised weights; none where none are
  std::shared_ptr<const Tokenizer> tokenizer;  // none where it is missing or broken
  std::optional<ChatTemplate> chat;            // none where there is none, or it is broken

  // Sentences, as loading would say them.
  std::vector<std::string> missing;      // files that are not there
  std::vector<std::string> unsupported;  // what this program does not do
  std::vector<std::string> broken;       // what is damaged or does not fit together
  bool whole() const { return missing.empty() && unsupported.empty() && broken.empty(); }
};

ModelReport inspect_model(const ModelFiles& files);

}  // namespace stemma
