#include "runtime/model/tokenizer_pipeline.h"

#include <fmt/format.h>

#include "runtime/error.h"
#include "runtime/model/byte_alphabet.h"
#include "runtime/model/json_file.h"

namespace stemma {

namespace {

using nlohmann::json;

constexpr const char* gpt2_pattern = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr size_t most_stages = 32;

[[noreturn]] void unsupported(const std::string& file, const std::string& what) {
  throw Error(ErrorCode::unsupported,
              fmt::format("{}: {} is not supported; byte-level BPE tokenizers are", file, what));
}

const json* find(const json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto place = object.find(key);
  return place == object.end() || place->is_null() ? nullptr : &*place;
}
std::string text(const json& object, const char* key, const std::string& otherwise = "") {
  const json* value = find(object, key);
  return value && value->is_string() ? value->get<std::string>() : otherwise;
}
bool flag(const json& object, const char* key, bool otherwise) {
  const json* value = find(object, key);
  return value && value->is_boolean() ? value->get<bool>() : otherwise;
}

// A stage's parts in order: a Sequence is opened, one level deep as they are in practice.
std::vector<const json*> parts(const json* stage, const char* list, const std::string& file) {
  std::vector<const json*> found;
  if (!stage) return found;
  if (text(*stage, "type") != "Sequence") return {stage};
  if (const json* members = find(*stage, list); members && members->is_array())
    for (const json& member : *members) found.push_back(&member);
  if (found.size() > most_stages) unsupported(file, fmt::format("a sequence of {} {}", found.size(), list));
  return found;
}

void check_model(const json& document, const std::string& file) {
  const json* model = find(document, "model");
  if (!model) throw Error(ErrorCode::bad_file, fmt::format("{}: has no model; is it a tokenizer.json?", file));
  const std::string type = text(*model, "type", find(*model, "merges") ? "BPE" : "of no type");
  if (type != "BPE") unsupported(file, "the model " + in_quotes(type));
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"})
    if (!text(*model, key).empty()) unsupported(file, fmt::format("model.{} {}", key, in_quotes(text(*model, key))));
  if (const json* dropout = find(*model, "dropout"); dropout && *dropout != 0.0) unsupported(file, "model.dropout");
}

void read_split(const json& part, const std::string& file, TokenizerFile& to) {
  const std::string behavior = text(part, "behavior");
  const bool inverted = flag(part, "invert", false);
  // Removed and inverted keeps the matches alone; the patterns that say so match all of any text.
  if (!(behavior == "Isolated" && !inverted) && !(behavior == "Removed" && inverted))
    unsupported(file, fmt::format("the pre_tokenizer Split with behavior {}{}", in_quotes(behavior),
                                  inverted ? ", inverted" : ""));
  const json* pattern = find(part, "pattern");
  const json* expression = pattern ? find(*pattern, "Regex") : nullptr;
  if (!expression || !expression->is_string()) unsupported(file, "the pre_tokenizer Split without a Regex");
  to.patterns.push_back(expression->get<std::string>());
}

void read_byte_level(const std::vector<const json*>& pre, const std::string& file, TokenizerFile& to) {
  for (size_t i = 0; i < pre.size(); ++i) {
    const std::string type = text(*pre[i], "type", "of no type");
    if (type == "Split") {
      read_split(*pre[i], file, to);
    } else if (type == "Digits") {
      to.patterns.push_back(flag(*pre[i], "individual_digits", false) ? R"(\p{N})" : R"(\p{N}+)");
    } else if (type == "ByteLevel" && i + 1 == pre.size()) {
      to.prefix_space = flag(*pre[i], "add_prefix_space", true);
      if (to.prefix_space && i > 0)
        unsupported(file, "the pre_tokenizer ByteLevel with add_prefix_space after other stages");
      if (flag(*pre[i], "use_regex", true)) to.patterns.push_back(gpt2_pattern);
    } else {
      unsupported(file, "the pre_tokenizer " + in_quotes(type) + (type == "ByteLevel" ? " before other stages" : ""));
    }
  }
}

// Llama 2: every space becomes U+2581, one more stands before the text, and unknown characters are <0xNN> bytes.
bool is_sentence_piece(const std::vector<const json*>& normalizers) {
  auto is_space = [](const json& part) {
    const json* pattern = find(part, "pattern");
    return text(part, "type") == "Replace" && pattern && text(*pattern, "String") == " " &&
           text(part, "content") == underscore;
  };
  return normalizers.size() == 2 && text(*normalizers[0], "type") == "Prepend" &&
         text(*normalizers[0], "prepend") == underscore && is_space(*normalizers[1]);
}

}  // namespace

void read_pipeline(const json& document, const std::string& file, TokenizerFile& to) {
  check_model(document, file);
  const json& model = document.at("model");
  to.ignores_merges = flag(model, "ignore_merges", false);
  const auto normalizers = parts(find(document, "normalizer"), "normalizers", file);
  const auto pre = parts(find(document, "pre_tokenizer"), "pretokenizers", file);
  if (pre.empty() && is_sentence_piece(normalizers) && flag(model, "byte_fallback", false)) {
    to.symbols = TokenizerFile::Symbols::characters;
    to.prepends_space = true;
    for (const json* part : parts(find(document, "decoder"), "decoders", file))
      if (text(*part, "type") == "Strip") to.strips_first_space = true;
    return;
  }
  for (const json* part : normalizers) {
    if (text(*part, "type") != "NFC")
      unsupported(file, "the normalizer " + in_quotes(text(*part, "type", "of no type")));
    to.composes = true;
  }
  if (pre.empty() || text(*pre.back(), "type") != "ByteLevel")
    unsupported(file, pre.empty() ? std::string("a tokenizer without a pre_tokenizer")
                                  : "the pre_tokenizer " + in_quotes(text(*pre.back(), "type", "of no type")));
  read_byte_level(pre, file, to);
}

std::string bos_of_post_processor(const json& document, const std::string& file) {
  std::string bos;
  for (const json* part : parts(find(document, "post_processor"), "processors", file)) {
    const std::string type = text(*part, "type", "of no type");
    if (type == "ByteLevel") continue;  // moves offsets of spaces only
    if (type != "TemplateProcessing") unsupported(file, "the post_processor " + in_quotes(type));
    const json* single = find(*part, "single");
    if (!single || !single->is_array())
      throw Error(ErrorCode::bad_file, fmt::format("{}: its post_processor has no template", file));
    bool after_text = false;
    for (const json& piece : *single) {
      const json* token = find(piece, "SpecialToken");
      if (token && (after_text || !bos.empty()))
        unsupported(file, fmt::format("a post_processor that adds {}", in_quotes(text(*token, "id"))));
      if (token) bos = text(*token, "id");
      if (!token) after_text = true;
    }
  }
  return bos;
}

}  // namespace stemma
