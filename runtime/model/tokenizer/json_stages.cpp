#include "runtime/model/tokenizer/json_stages.h"

#include <fmt/format.h>

#include "runtime/error.h"
#include "runtime/model/files/json_file.h"
#include "runtime/model/tokenizer/base64.h"
#include "runtime/model/tokenizer/characters.h"
#include "runtime/model/tokenizer/json_fields.h"
#include "runtime/model/tokenizer/precompiled.h"
#include "runtime/model/tokenizer/quick_split.h"
#include "runtime/model/utf8.h"

namespace stemma {

namespace {

using nlohmann::json;

constexpr size_t most_stages = 32, longest_insertion = 256;
constexpr int deepest = 4;

void gather(const json& stage, const char* list, const std::string& file, int depth, std::vector<const json*>& parts) {
  if (text_field(stage, "type") != "Sequence") {
    parts.push_back(&stage);
  } else if (const json* members = field(stage, list); members && members->is_array()) {
    if (depth == deepest) refuse_stage(file, fmt::format("{} nested this deep", list));
    for (const json& member : *members) gather(member, list, file, depth + 1, parts);
  }
  if (parts.size() > most_stages) refuse_stage(file, fmt::format("a sequence of more than {} {}", most_stages, list));
}

std::string insertion(const json& part, const char* key, const std::string& file) {
  std::string text = text_field(part, key);
  if (text.size() > longest_insertion) refuse_stage(file, fmt::format("a {} of {} bytes", key, text.size()));
  return text;
}

// {"String": ...} or {"Regex": ...}
struct PatternField {
  std::string text;
  bool expression = false;
};
PatternField pattern_of(const json& part, const std::string& file) {
  const json* pattern = field(part, "pattern");
  if (pattern && pattern->is_string()) return {pattern->get<std::string>()};
  for (const char* key : {"Regex", "String"})
    if (const json* value = pattern ? field(*pattern, key) : nullptr; value && value->is_string())
      return {value->get<std::string>(), key == std::string("Regex")};
  refuse_stage(file, fmt::format("a {} without a pattern", text_field(part, "type")));
}

Normalizer normalizer_of(const json& part, const std::string& file) {
  const std::string type = text_field(part, "type", "of no type");
  if (type == "NFC") return normal_form(NormalForm::nfc);
  if (type == "NFD") return normal_form(NormalForm::nfd);
  if (type == "NFKC") return normal_form(NormalForm::nfkc);
  if (type == "NFKD") return normal_form(NormalForm::nfkd);
  if (type == "Lowercase") return lower_case();
  if (type == "StripAccents") return strip_accents();
  if (type == "Nmt") return nmt();
  if (type == "ByteLevel") return spell_bytes();
  if (type == "Strip") return strip(flag_field(part, "strip_left", true), flag_field(part, "strip_right", true));
  if (type == "Prepend") return prepend(insertion(part, "prepend", file));
  if (type == "Replace") {
    const PatternField pattern = pattern_of(part, file);
    std::string content = insertion(part, "content", file);
    return pattern.expression ? replace_expression(pattern.text, std::move(content), file)
                              : replace(pattern.text, std::move(content));
  }
  if (type == "BertNormalizer") {
    const bool lowers = flag_field(part, "lowercase", true);
    return bert(flag_field(part, "clean_text", true), flag_field(part, "handle_chinese_chars", true),
                flag_field(part, "strip_accents", lowers), lowers);
  }
  if (type == "Precompiled") {
    const auto map = bytes_of_base64(text_field(part, "precompiled_charsmap"));
    if (!map) throw Error(ErrorCode::bad_file, fmt::format("{}: its precompiled_charsmap is not base64", file));
    return map->empty() ? Normalizer([](NormalText&) {}) : precompiled(*map, Longest::of_cluster, file);
  }
  refuse_stage(file, "the normalizer " + in_quotes(type));
}

Behavior behavior_field(const json& part, Behavior otherwise, const std::string& file) {
  const std::string name = text_field(part, "behavior");
  if (name.empty()) return otherwise;
  const auto behavior = behavior_of(name);
  if (!behavior) refuse_stage(file, "the behavior " + in_quotes(name));
  return *behavior;
}

PreTokenizer split_of(const json& part, const std::string& file) {
  const PatternField pattern = pattern_of(part, file);
  const Behavior behavior = behavior_field(part, Behavior::isolated, file);
  const bool invert = flag_field(part, "invert", false);
  // These patterns match all of any text, so that it is the same whether matches or gaps are kept.
  const bool keeps_matches = invert ? behavior == Behavior::removed : behavior == Behavior::isolated;
  if (auto quick = pattern.expression && keeps_matches ? quick_split(pattern.text) : std::nullopt) return *quick;
  return pattern.expression ? split_at_expression(pattern.text, behavior, invert, file)
                            : split_at_literal(pattern.text, behavior, invert);
}

PreTokenizer metaspace_of(const json& part, const std::string& file) {
  const std::string name =
      text_field(part, "prepend_scheme", flag_field(part, "add_prefix_space", true) ? "always" : "never");
  if (name != "always" && name != "first" && name != "never")
    refuse_stage(file, "the prepend_scheme " + in_quotes(name));
  const auto scheme = name == "always"  ? PrependScheme::always
                      : name == "first" ? PrependScheme::first
                                        : PrependScheme::never;
  return metaspace(text_field(part, "replacement", "\u2581"), scheme, flag_field(part, "split", true));
}

PreTokenizer pre_tokenizer_of(const json& part, const std::string& type, const std::string& file) {
  if (type == "Split") return split_of(part, file);
  if (type == "Metaspace") return metaspace_of(part, file);
  if (type == "Whitespace") return white_space_and_words();
  if (type == "WhitespaceSplit") return split_at_characters(is_white_space, Behavior::removed);
  if (type == "Punctuation") return split_at_characters(is_punctuation, behavior_field(part, Behavior::isolated, file));
  if (type == "Digits")
    return split_at_characters(
        is_numeric, flag_field(part, "individual_digits", false) ? Behavior::isolated : Behavior::contiguous);
  if (type == "CharDelimiterSplit") return split_at_literal(text_field(part, "delimiter"), Behavior::removed, false);
  if (type == "FixedLength" && count_field(part, "length", 0) > 0)
    return fixed_length(static_cast<size_t>(count_field(part, "length", 0)));
  refuse_stage(file, "the pre_tokenizer " + in_quotes(type));
}

}  // namespace

void refuse_stage(const std::string& file, const std::string& what) {
  throw Error(ErrorCode::unsupported, fmt::format("{}: {} is not supported", file, what));
}

std::vector<const json*> stage_parts(const json* stage, const char* list, const std::string& file) {
  std::vector<const json*> parts;
  if (stage) gather(*stage, list, file, 0, parts);
  return parts;
}

void read_normalizers(const json& document, const std::string& file, TokenizerPlan& to) {
  for (const json* part : stage_parts(field(document, "normalizer"), "normalizers", file))
    to.normalizers.push_back(normalizer_of(*part, file));
}

bool read_pre_tokenizers(const json& document, const std::string& file, bool may_leave_bytes, TokenizerPlan& to) {
  const auto parts = stage_parts(field(document, "pre_tokenizer"), "pretokenizers", file);
  for (size_t i = 0; i < parts.size(); ++i) {
    const std::string type = text_field(*parts[i], "type", "of no type");
    to.cuts_text |= type != "Metaspace" || flag_field(*parts[i], "split", true);
    if (type == "BertPreTokenizer") {
      to.pre_tokenizers.push_back(split_at_characters(is_white_space, Behavior::removed));
      to.pre_tokenizers.push_back(split_at_characters(is_punctuation, Behavior::isolated));
    } else if (type == "ByteLevel") {
      if (flag_field(*parts[i], "add_prefix_space", true)) to.pre_tokenizers.push_back(prefix_space());
      if (flag_field(*parts[i], "use_regex", true)) to.pre_tokenizers.push_back(*quick_split(gpt2_pattern));
      if (may_leave_bytes && i + 1 == parts.size()) return true;
      to.pre_tokenizers.push_back(spell_pieces_bytes());
    } else {
      to.looks_at_origins |= type == "Metaspace";
      to.pre_tokenizers.push_back(pre_tokenizer_of(*parts[i], type, file));
    }
  }
  return false;
}

}  // namespace stemma
