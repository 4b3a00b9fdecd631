#include <fmt/format.h>

#include "runtime/error.h"
#include "runtime/model/files/json_file.h"
#include "runtime/model/tokenizer/json_fields.h"
#include "runtime/model/tokenizer/json_model.h"
#include "runtime/model/tokenizer/json_stages.h"
#include "runtime/model/tokenizer/sources.h"

namespace stemma {

namespace {

using nlohmann::json;

AddedToken added_token(const json& token, const json& id, const std::string& file) {
  AddedToken entry;
  entry.content = text_field(token, "content");
  if (entry.content.empty() || entry.content.size() > longest_token)
    throw Error(ErrorCode::bad_file, fmt::format("{}: an added token lacks its content or id", file));
  entry.id = checked_id(id, entry.content, file);
  entry.special = flag_field(token, "special", false);
  entry.normalized = flag_field(token, "normalized", !entry.special);
  entry.strips_left = flag_field(token, "lstrip", false);
  entry.strips_right = flag_field(token, "rstrip", false);
  entry.single_word = flag_field(token, "single_word", false);
  return entry;
}

void read_added(const json& document, const std::string& file, TokenizerPlan& to) {
  const json* added = field(document, "added_tokens");
  if (!added) return;
  if (!added->is_array()) throw Error(ErrorCode::bad_file, fmt::format("{}: its added_tokens are not a list", file));
  for (const json& token : *added) {
    const json* id = field(token, "id");
    to.add(added_token(token, id ? *id : json(), file), file);
  }
}

// "128000" -> 128000
int32_t id_of_key(const std::string& key, const std::string& file) {
  const bool digits = !key.empty() && key.size() <= 9 && key.find_first_not_of("0123456789") == std::string::npos;
  return checked_id(digits ? json(static_cast<uint64_t>(std::stoul(key))) : json(), key, file);
}

// What a configuration gives a part to is found in text, whether tokenizer.json says so or not.
void make_special(int32_t id, const std::string& content, const std::string& file, TokenizerPlan& to) {
  for (const AddedToken& known : to.added)
    if (known.id == id) return;
  AddedToken token;
  token.id = id;
  token.content = content;
  token.special = true;
  to.add(std::move(token), file);
}

}  // namespace

TokenizerPlan plan_of_json(const json& document, const std::string& file) {
  TokenizerPlan plan;
  const ModelKind kind = model_kind(document, file);
  const json& model = document.at("model");
  read_normalizers(document, file, plan);
  const bool of_bytes = read_pre_tokenizers(document, file, model_takes_bytes(model, kind), plan);
  read_model(model, kind, of_bytes, file, plan);
  read_added(document, file, plan);
  read_decoder(document, file, plan);
  read_post_processor(document, file, plan);
  return plan;
}

bool clean_up(const json& configuration, TokenizerPlan& to) {
  const bool of_pairs = std::string_view(to.model->kind()).find("BPE") != std::string_view::npos;
  if (!flag_field(configuration, "clean_up_tokenization_spaces", false) ||
      (of_pairs &&
       !flag_field(configuration, "clean_up_tokenization_spaces_for_bpe_even_though_it_will_corrupt_output", false)))
    return false;
  to.decoder.whole.push_back(decode_clean_up());
  return true;
}

void apply_configuration(const json& configuration, const std::string& file, TokenizerPlan& to) {
  if (const json* added = field(configuration, "added_tokens_decoder"); added && added->is_object())
    for (const auto& [key, text] : added->items()) {
      AddedToken token = added_token(text, static_cast<uint64_t>(id_of_key(key, file)), file);
      // A file of ranks has no names for its special tokens: those that are known by its size may be older ones.
      if (!to.vocabulary->has(token.id))
        std::erase_if(to.added, [&](const AddedToken& known) { return known.id == token.id && to.names_are_guessed; });
      to.add(std::move(token), file);
    }
  auto token = [&](const char* key, int32_t otherwise) {
    const json* value = field(configuration, key);
    if (!value) return otherwise;
    const std::string content = value->is_object() ? text_field(*value, "content") : text_field(configuration, key);
    const int32_t found = to.find(content);
    if (found < 0)
      throw Error(ErrorCode::bad_file,
                  fmt::format("{}: its {} {} is no token of the tokenizer", file, key, in_quotes(content)));
    make_special(found, content, file, to);
    return found;
  };
  to.bos = token("bos_token", to.bos);
  to.eos = token("eos_token", to.eos);
  for (const char* key : {"unk_token", "pad_token", "cls_token", "sep_token", "mask_token"})
    if (const json* value = field(configuration, key)) {
      const std::string content = value->is_object() ? text_field(*value, "content") : text_field(configuration, key);
      if (const int32_t found = to.find(content); found >= 0) make_special(found, content, file, to);
    }
  auto put = [&](const char* flag, const char* name, int32_t id, std::vector<int32_t>& side) {
    const json* adds = field(configuration, flag);
    if (!adds || !adds->is_boolean()) return;
    if (*adds && id < 0)
      throw Error(ErrorCode::bad_file, fmt::format("{}: {} is true, but it names no {}", file, flag, name));
    std::erase(side, id);
    if (*adds) side.insert(side.begin(), id);
  };
  put("add_bos_token", "bos_token", to.bos, to.before);
  put("add_eos_token", "eos_token", to.eos, to.after);
}

}  // namespace stemma
