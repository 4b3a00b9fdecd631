#include "runtime/model/files/gguf_model.h"

namespace stemma {

std::optional<ChatTemplate> gguf_chat_template(const Gguf& gguf) {
  const auto text = gguf.text("tokenizer.chat_template");
  if (!text) return {};
  ChatTemplate chat;
  chat.text = *text;
  chat.source = gguf.file();
  chat.special_tokens = nlohmann::ordered_json::object();
  const auto tokens = gguf.texts("tokenizer.ggml.tokens");
  for (const auto& [name, key] : {std::pair("bos_token", "tokenizer.ggml.bos_token_id"),
                                  {"eos_token", "tokenizer.ggml.eos_token_id"},
                                  {"unk_token", "tokenizer.ggml.unknown_token_id"},
                                  {"pad_token", "tokenizer.ggml.padding_token_id"}})
    if (const auto id = gguf.integer(key); id && *id >= 0 && static_cast<size_t>(*id) < tokens.size())
      chat.special_tokens[name] = std::string(tokens[static_cast<size_t>(*id)]);
  for (const std::string_view name : gguf.texts("tokenizer.chat_templates")) {
    const auto named = gguf.text("tokenizer.chat_template." + std::string(name));
    if (!named) continue;
    if (name == "tool_use") chat.tool_use = *named;
    chat.others.emplace_back(name);
  }
  return chat;
}

}  // namespace stemma
