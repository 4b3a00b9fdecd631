#include "runtime/model/chat_template.h"

#include <fmt/format.h>

#include "runtime/error.h"
#include "runtime/model/files/json_file.h"
#include "runtime/template/template.h"

namespace stemma {

namespace {

using nlohmann::ordered_json;

constexpr uint64_t largest_tokenizer_config = 16'000'000, largest_template = 4'000'000;

std::string read_if_there(const std::filesystem::path& path, uint64_t limit) {
  std::error_code failure;
  return std::filesystem::exists(path, failure) ? read_text(path, limit) : "";
}

ordered_json object_of(const std::string& text, const std::string& name) {
  if (text.empty()) return ordered_json::object();
  return ordered_json(parse_json_object(text, name));
}

// A special token is written as its text, or as an object with its text and flags.
void take_special_tokens(const ordered_json& config, ordered_json& into) {
  const auto text_of = [](const ordered_json& token) {
    if (token.is_object() && token.contains("content")) return token.at("content");
    return token;
  };
  for (const auto& [key, value] : config.items()) {
    if (into.contains(key)) continue;
    if (key == "additional_special_tokens" && value.is_array()) {
      ordered_json texts = ordered_json::array();
      for (const auto& token : value) texts.push_back(text_of(token));
      into[key] = texts;
    } else if (key.ends_with("_token") && text_of(value).is_string()) {
      into[key] = text_of(value);
    }
  }
}

// The template of a config: a text, or a list of {"name", "template"}.
void take_template(const ordered_json& config, const std::string& name, ChatTemplate& chat) {
  const auto found = config.find("chat_template");
  if (found == config.end() || found->is_null()) return;
  const auto take = [&](const std::string& key, const ordered_json& text) {
    if (!text.is_string())
      throw Error(ErrorCode::bad_file, fmt::format("{}: the chat template {} is not a text", name, in_quotes(key)));
    if (key == "default")
      chat.text = text;
    else
      chat.others.push_back(key);
    if (key == "tool_use") chat.tool_use = text;
  };
  chat.source = name;
  if (found->is_string()) return take("default", *found);
  if (found->is_object()) {
    for (const auto& [key, text] : found->items()) take(key, text);
  } else if (found->is_array()) {
    for (const auto& entry : *found) {
      if (!entry.is_object() || !entry.contains("name") || !entry["name"].is_string() || !entry.contains("template"))
        throw Error(ErrorCode::bad_file,
                    fmt::format("{}: chat_template lists something without a name and a template", name));
      take(entry["name"], entry["template"]);
    }
  } else {
    throw Error(ErrorCode::bad_file,
                fmt::format("{}: chat_template is neither a text nor a list of named templates", name));
  }
  if (chat.text.empty() && chat.others.empty()) chat.source.clear();
}

}  // namespace

void ChatRequest::add(std::string_view role, std::string_view content) {
  messages.push_back({{"role", role}, {"content", content}});
}

std::optional<ChatTemplate> parse_chat_template(const ChatTemplateFiles& files, const std::filesystem::path& folder) {
  const auto name = [&](const char* file) { return (folder / file).string(); };
  const ordered_json config = object_of(files.tokenizer_config, name("tokenizer_config.json"));
  ChatTemplate chat;
  if (!files.template_text.empty()) {
    chat.text = files.template_text;
    chat.source = name("chat_template.jinja");
  } else {
    take_template(config, name("tokenizer_config.json"), chat);
    if (chat.source.empty())
      take_template(object_of(files.template_json, name("chat_template.json")), name("chat_template.json"), chat);
  }
  if (chat.source.empty()) return std::nullopt;
  chat.special_tokens = ordered_json::object();
  take_special_tokens(config, chat.special_tokens);
  take_special_tokens(object_of(files.special_tokens, name("special_tokens_map.json")), chat.special_tokens);
  return chat;
}

std::optional<ChatTemplate> find_chat_template(const std::filesystem::path& folder) {
  return parse_chat_template({read_if_there(folder / "chat_template.jinja", largest_template),
                              read_if_there(folder / "tokenizer_config.json", largest_tokenizer_config),
                              read_if_there(folder / "special_tokens_map.json", largest_tokenizer_config),
                              read_if_there(folder / "chat_template.json", largest_tokenizer_config)},
                             folder);
}

std::string ChatTemplate::render(const ChatRequest& request) const {
  const std::string& wanted = !request.tools.is_null() && !tool_use.empty() ? tool_use : text;
  if (wanted.empty())
    throw Error(ErrorCode::unsupported,
                fmt::format("{}: has chat templates named {} but none named default", source, fmt::join(others, ", ")));
  ordered_json variables = special_tokens;
  for (const auto& [name, value] : request.variables.items()) variables[name] = value;
  variables["messages"] = request.messages;
  variables["tools"] = request.tools;
  variables["documents"] = request.documents;
  variables["add_generation_prompt"] = request.add_generation_prompt;
  return Template(wanted, source).render(variables);
}

bool ChatTemplate::reads(std::string_view variable) const try {
  return Template(text, source).reads(variable);
} catch (const Error&) {
  return false;
}

void ChatTemplate::check() const { Template(text, source); }

}  // namespace stemma
