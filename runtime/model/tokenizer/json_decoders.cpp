#include <fmt/format.h>

#include "runtime/error.h"
#include "runtime/model/files/json_file.h"
#include "runtime/model/tokenizer/json_fields.h"
#include "runtime/model/tokenizer/json_stages.h"

namespace stemma {

namespace {

using nlohmann::json;

DecoderStep step_of(const json& part, const std::string& type, const std::string& file) {
  if (type == "ByteLevel") return decode_spelled_bytes();
  if (type == "ByteFallback") return decode_byte_tokens();
  if (type == "Replace") {
    const json* pattern = field(part, "pattern");
    const json* literal = pattern ? field(*pattern, "String") : nullptr;
    const json* expression = pattern ? field(*pattern, "Regex") : nullptr;
    if (expression && expression->is_string())
      return decode_replace_expression(expression->get<std::string>(), text_field(part, "content"), file);
    if (!literal || !literal->is_string()) refuse_stage(file, "a decoder Replace without a pattern");
    return decode_replace(literal->get<std::string>(), text_field(part, "content"));
  }
  if (type == "Strip")
    return decode_strip(text_field(part, "content", " "), static_cast<size_t>(count_field(part, "start", 0)),
                        static_cast<size_t>(count_field(part, "stop", 0)));
  if (type == "Metaspace") {
    const std::string scheme =
        text_field(part, "prepend_scheme", flag_field(part, "add_prefix_space", true) ? "always" : "never");
    return decode_metaspace(text_field(part, "replacement", "\u2581"), scheme != "never");
  }
  if (type == "WordPiece")
    return decode_word_piece(text_field(part, "prefix", "##"), flag_field(part, "cleanup", true));
  if (type == "BPEDecoder") return decode_word_ends(text_field(part, "suffix", "</w>"));
  refuse_stage(file, "the decoder " + in_quotes(type));
}

// What a template's piece stands for: ids; nothing for the text itself.
std::vector<int32_t> ids_of(const json& piece, const json& processor, const std::string& file,
                            const TokenizerPlan& plan) {
  const json* token = field(piece, "SpecialToken");
  if (!token) return {};
  const std::string name = text_field(*token, "id");
  std::vector<int32_t> ids;
  const json* known = field(processor, "special_tokens");
  const json* entry = known ? field(*known, name.c_str()) : nullptr;
  if (const json* listed = entry ? field(*entry, "ids") : nullptr; listed && listed->is_array() && listed->size() <= 64)
    for (const json& id : *listed) ids.push_back(id.is_number_unsigned() && id < most_tokens ? id.get<int32_t>() : -1);
  else
    ids.push_back(plan.find(name));
  for (int32_t id : ids) {
    bool exists = plan.vocabulary->has(id);
    for (const AddedToken& added : plan.added) exists |= id >= 0 && added.id == id;
    if (!exists)
      throw Error(ErrorCode::bad_file,
                  fmt::format("{}: its post_processor adds {}, which is no token", file, in_quotes(name)));
  }
  return ids;
}

}  // namespace

void read_decoder(const json& document, const std::string& file, TokenizerPlan& to) {
  const auto parts = stage_parts(field(document, "decoder"), "decoders", file);
  bool joined = false;
  for (const json* part : parts) {
    const std::string type = text_field(*part, "type", "of no type");
    if (type != "Fuse") (joined ? to.decoder.whole : to.decoder.each).push_back(step_of(*part, type, file));
    joined |= type == "Fuse" || type == "ByteLevel";
  }
  if (!parts.empty()) return;
  // A file that forgets its decoder means the one that undoes its spelling.
  for (const json* part : stage_parts(field(document, "pre_tokenizer"), "pretokenizers", file)) {
    const std::string type = text_field(*part, "type");
    if (type == "ByteLevel") to.decoder.each.push_back(decode_spelled_bytes());
    if (type == "Metaspace") to.decoder.each.push_back(step_of(*part, type, file));
  }
  to.decoder.spaces_between = to.decoder.each.empty();
}

void read_post_processor(const json& document, const std::string& file, TokenizerPlan& to) {
  bool adds = false;
  for (const json* part : stage_parts(field(document, "post_processor"), "processors", file)) {
    const std::string type = text_field(*part, "type", "of no type");
    if (type == "ByteLevel") continue;  // moves offsets of spaces only
    std::vector<int32_t> before, after;
    if (type == "BertProcessing" || type == "RobertaProcessing") {
      for (auto [key, ids] : {std::pair("cls", &before), {"sep", &after}}) {
        const json* pair = field(*part, key);
        const bool named = pair && pair->is_array() && pair->size() == 2 && (*pair)[0].is_string();
        *ids = ids_of({{"SpecialToken", {{"id", named ? (*pair)[0].get<std::string>() : ""}}}}, *part, file, to);
      }
    } else if (type == "TemplateProcessing") {
      const json* single = field(*part, "single");
      if (!single || !single->is_array() || single->size() > 64)
        throw Error(ErrorCode::bad_file, fmt::format("{}: its post_processor has no template", file));
      bool after_text = false;
      for (const json& piece : *single) {
        const auto ids = ids_of(piece, *part, file, to);
        auto& side = after_text ? after : before;
        side.insert(side.end(), ids.begin(), ids.end());
        if (field(piece, "Sequence")) {
          if (after_text) refuse_stage(file, "a post_processor that repeats the text");
          after_text = true;
        }
      }
    } else {
      refuse_stage(file, "the post_processor " + in_quotes(type));
    }
    if (adds) refuse_stage(file, "a post_processor of several that each add tokens");
    adds = true;
    to.before = std::move(before);
    to.after = std::move(after);
  }
  if (!to.before.empty()) to.bos = to.before.front();
}

}  // namespace stemma
