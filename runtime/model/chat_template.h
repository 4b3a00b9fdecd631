// The chat template of a model: where a folder keeps it, and conversations rendered by it as transformers would.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stemma {

struct ChatRequest {
  nlohmann::ordered_json messages = nlohmann::ordered_json::array();  // {"role": ..., "content": ...}
  bool add_generation_prompt = true;
  nlohmann::ordered_json tools, documents;                              // null: none
  nlohmann::ordered_json variables = nlohmann::ordered_json::object();  // such as enable_thinking

  void add(std::string_view role, std::string_view content);
};

struct ChatTemplate {
  std::string text;                       // Jinja
  std::string source;                     // the file it is from, for messages
  nlohmann::ordered_json special_tokens;  // {"bos_token": "<s>", ...}: variables of every rendering
  std::string tool_use;             // the template of that name, for requests with tools; empty: `text` is for all
  std::vector<std::string> others;  // names of further templates that the model brings

  // The prompt as text. The template writes bos itself: encode this without adding another.
  // Throws Error naming the file and the line: no template, or one that refuses the conversation or does not end.
  std::string render(const ChatRequest& request) const;
  // Whether it reads a variable, such as enable_thinking; false where it cannot be read at all.
  bool reads(std::string_view variable) const;
  // Throws Error where the text is not a template.
  void check() const;
};

// From chat_template.jinja, else tokenizer_config.json's chat_template (a text, or a list of named ones of which
// "default" is taken), else chat_template.json. Nothing where the folder has none of them. Throws Error for files that
// are broken; the template itself is read when it is used.
std::optional<ChatTemplate> find_chat_template(const std::filesystem::path& folder);

// From the texts of chat_template.jinja, tokenizer_config.json, special_tokens_map.json and chat_template.json; empty
// where there is none.
struct ChatTemplateFiles {
  std::string template_text, tokenizer_config, special_tokens, template_json;
};
std::optional<ChatTemplate> parse_chat_template(const ChatTemplateFiles& files, const std::filesystem::path& folder);

}  // namespace stemma
