// What a GGUF file says of the model in it, in the words of a Hugging Face checkpoint.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runtime/model/chat_template.h"
#include "runtime/model/config.h"
#include "runtime/model/files/checkpoint.h"
#include "runtime/model/files/gguf.h"

namespace stemma {

// The config.json that its metadata amount to. Throws Error: no architecture, a key of the wrong kind, one part of
// several. An architecture that is not known passes under its own name, for parse_config to refuse.
std::string gguf_config(const Gguf& gguf);

// What its metadata hold of a chat template, with the special tokens that it writes.
std::optional<ChatTemplate> gguf_chat_template(const Gguf& gguf);

// A tensor's name in a Hugging Face checkpoint of the config's family, and how its numbers were moved; an empty name
// for tensors that gguf_config has read. Throws Error where the family has none of this name.
struct GgufPlace {
  std::string name;
  Arrangement arrangement;
};
GgufPlace gguf_place(const Gguf& gguf, std::string_view name, const ModelConfig& config);

}  // namespace stemma
