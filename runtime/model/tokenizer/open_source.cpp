#include "runtime/model/tokenizer/open_source.h"

#include <fmt/format.h>

#include <span>

#include "runtime/error.h"
#include "runtime/model/files/gguf.h"
#include "runtime/model/files/hash.h"
#include "runtime/model/files/json_file.h"
#include "runtime/model/tokenizer/json_fields.h"
#include "runtime/model/tokenizer/sources.h"

namespace stemma {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr uint64_t largest_tokenizer = 256'000'000, largest_tokenizer_config = 16'000'000;

std::string configuration_name(const std::string& file) {
  const size_t slash = file.rfind('/');
  return (slash == std::string::npos ? "" : file.substr(0, slash + 1)) + "tokenizer_config.json";
}

OpenedTokenizer finish(TokenizerPlan plan, const json& configuration, std::string_view bytes, std::string_view merges,
                       const std::string& file) {
  apply_configuration(configuration, configuration_name(file), plan);
  Hasher hasher;
  hasher.add(bytes);
  hasher.add(merges);
  hasher.add(fmt::format("bos {} eos {} adds_bos {}", plan.bos, plan.eos, !plan.before.empty()));
  if (clean_up(configuration, plan)) hasher.add("clean");
  return {std::move(plan), hasher.hex()};
}

bool is_text(std::string_view bytes) {
  for (char c : bytes.substr(0, 4096))
    if (static_cast<uint8_t>(c) < 0x20 && c != '\n' && c != '\r' && c != '\t') return false;
  return true;
}

TokenizerPlan plan_of_object(const json& document, const std::string& file) {
  return is_tekken(document) ? plan_of_tekken(document, file) : plan_of_json(document, file);
}

OpenedTokenizer open(std::string_view bytes, std::string_view merges, const json& configuration,
                     const std::string& file) {
  TokenizerPlan plan;
  const size_t first = bytes.find_first_not_of(" \t\r\n");
  if (!merges.empty())
    plan = plan_of_merges(bytes, merges, text_field(configuration, "tokenizer_class"), file);
  else if (first == std::string_view::npos || bytes[first] == '{' || bytes[first] == '[' || bytes[first] == '"' ||
           file.ends_with(".json"))
    plan = plan_of_object(parse_json_object(bytes, file), file);
  else if (bytes.starts_with("GGUF"))
    plan = plan_of_gguf(Gguf(std::as_bytes(std::span(bytes.data(), bytes.size())), file));
  else if (bytes.front() == '\n' && !is_text(bytes))
    plan = plan_of_sentencepiece(bytes, flag_field(configuration, "legacy", true), file);
  else if (is_text(bytes))
    plan = plan_of_tiktoken(bytes, file);
  else
    throw Error(ErrorCode::bad_file,
                fmt::format("{}: no known form of a tokenizer; name a tokenizer.json, tokenizer.model, *.tiktoken or "
                            "*.gguf",
                            file));
  return finish(std::move(plan), configuration, bytes, merges, file);
}

json object_beside(const fs::path& folder, const char* name) {
  const fs::path path = folder / name;
  return fs::exists(path) ? parse_json_object(read_text(path, largest_tokenizer_config), path.string())
                          : json::object();
}

// tokenizer_config.json, and what it does not say from the older files.
json configuration_of(const fs::path& folder) {
  json configuration = object_beside(folder, "tokenizer_config.json");
  const json map = object_beside(folder, "special_tokens_map.json"), ids = object_beside(folder, "added_tokens.json");
  for (const auto& [key, value] : map.items())
    if (value.is_string() || value.is_object())
      if (!field(configuration, key.c_str())) configuration[key] = value;
  if (field(configuration, "added_tokens_decoder")) return configuration;
  json special = json::array();
  if (const json* more = field(configuration, "additional_special_tokens")) special = *more;
  json added = json::object();
  for (const auto& [content, id] : ids.items())
    if (id.is_number_unsigned()) {
      bool is_special = false;
      for (const json& name : special) is_special |= name == content;
      for (const char* key : {"bos_token", "eos_token", "unk_token", "pad_token"})
        is_special |= text_field(configuration, key) == content;
      added[id.dump()] = {{"content", content}, {"special", is_special}, {"normalized", false}};
    }
  if (!added.empty()) configuration["added_tokens_decoder"] = added;
  return configuration;
}

fs::path file_in(const fs::path& folder) {
  for (const char* name : {"tokenizer.json", "tekken.json", "tokenizer.model", "spiece.model",
                           "sentencepiece.bpe.model", "tiktoken.model"})
    if (fs::exists(folder / name)) return folder / name;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".tiktoken") return entry.path();
  if (fs::exists(folder / "vocab.json") && fs::exists(folder / "merges.txt")) return folder / "vocab.json";
  return folder / "tokenizer.json";
}

}  // namespace

void refuse_tokenizer(const std::string& file, const std::string& what) {
  throw Error(ErrorCode::bad_file, fmt::format("{}: {}", file, what));
}

OpenedTokenizer open_tokenizer(const fs::path& path) {
  fs::path file = fs::is_directory(path) ? file_in(path) : path;
  const fs::path folder = file.parent_path();
  if (file.filename() == "merges.txt") file = folder / "vocab.json";
  if (file.extension() == ".gguf") {
    const GgufFile gguf(file);
    Hasher hasher;
    for (const auto& [key, value] : gguf.metadata())
      if (key.starts_with("tokenizer.ggml.")) {
        hasher.add(key);
        hasher.add(value.bytes);
      }
    return {plan_of_gguf(gguf), hasher.hex()};
  }
  const std::string bytes = read_text(file, largest_tokenizer);
  const bool has_merges = file.filename() == "vocab.json" && fs::exists(folder / "merges.txt");
  const std::string merges = has_merges ? read_text(folder / "merges.txt", largest_tokenizer) : "";
  return open(bytes, merges, configuration_of(folder), file.string());
}

OpenedTokenizer open_tokenizer(std::string_view bytes, std::string_view merges, std::string_view configuration,
                               const std::string& file) {
  return open(bytes, merges,
              configuration.empty() ? json::object() : parse_json_object(configuration, configuration_name(file)),
              file);
}

}  // namespace stemma
