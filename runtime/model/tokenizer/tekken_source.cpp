#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "runtime/error.h"
#include "runtime/model/files/json_file.h"
#include "runtime/model/tokenizer/base64.h"
#include "runtime/model/tokenizer/byte_alphabet.h"
#include "runtime/model/tokenizer/json_fields.h"
#include "runtime/model/tokenizer/sources.h"

namespace stemma {

namespace {

using nlohmann::json;

// Of files up to version 7, which do not list them.
constexpr std::array<std::string_view, 20> first_special = {"<unk>",
                                                            "<s>",
                                                            "</s>",
                                                            "[INST]",
                                                            "[/INST]",
                                                            "[AVAILABLE_TOOLS]",
                                                            "[/AVAILABLE_TOOLS]",
                                                            "[TOOL_RESULTS]",
                                                            "[/TOOL_RESULTS]",
                                                            "[TOOL_CALLS]",
                                                            "[IMG]",
                                                            "<pad>",
                                                            "[IMG_BREAK]",
                                                            "[IMG_END]",
                                                            "[PREFIX]",
                                                            "[MIDDLE]",
                                                            "[SUFFIX]",
                                                            "[SYSTEM_PROMPT]",
                                                            "[/SYSTEM_PROMPT]",
                                                            "[TOOL_CONTENT]"};

// By id, each special or not.
void add_special(const json* listed, int64_t count, const std::string& file, TokenizerPlan& to) {
  auto add = [&](int64_t id, std::string content, bool special) {
    AddedToken token;
    token.id = static_cast<int32_t>(id);
    token.content = std::move(content);
    token.special = special;
    to.add(std::move(token), file);
  };
  if (listed && (!listed->is_array() || listed->size() > static_cast<size_t>(count)))
    refuse_tokenizer(file, "its special_tokens are no list, or more than its default_num_special_tokens");
  const auto known = static_cast<int64_t>(listed ? listed->size()
                                                 : std::min<size_t>(first_special.size(), static_cast<size_t>(count)));
  for (int64_t id = 0; id < count; ++id) {
    if (id >= known) {
      add(id, fmt::format("<SPECIAL_{}>", id), true);
    } else if (!listed) {
      add(id, std::string(first_special[static_cast<size_t>(id)]), true);
    } else {
      const json& entry = (*listed)[static_cast<size_t>(id)];
      const std::string content = text_field(entry, "token_str");
      if (content.empty() || content.size() > longest_token || count_field(entry, "rank", id) != id)
        refuse_tokenizer(file, fmt::format("special token {} lacks its text or is not in the place of its rank", id));
      add(id, content, flag_field(entry, "is_control", true));
    }
  }
}

void add_tokens(const json& vocabulary, int64_t count, int64_t first, const std::string& file, TokenizerPlan& to) {
  for (int64_t rank = 0; rank < count; ++rank) {
    const json& entry = vocabulary[static_cast<size_t>(rank)];
    const auto bytes = bytes_of_base64(text_field(entry, "token_bytes"));
    if (!bytes || bytes->empty() || bytes->size() > longest_token || count_field(entry, "rank", -1) != rank)
      refuse_tokenizer(file, fmt::format("token {} is not base64, or not in the place of its rank", rank));
    if (rank < 256 && (bytes->size() != 1 || static_cast<uint8_t>(bytes->front()) != rank))
      refuse_tokenizer(file, fmt::format("token {} is not the byte of that number", rank));
    std::string spelling = spelling_of_bytes(*bytes);
    if (to.vocabulary->find(spelling) >= 0 ||
        !to.vocabulary->add(std::move(spelling), static_cast<int32_t>(first + rank)))
      refuse_tokenizer(file, fmt::format("token {} is another one again", rank));
  }
}

}  // namespace

bool is_tekken(const json& document) {
  const json *config = field(document, "config"), *vocabulary = field(document, "vocab");
  return config && field(*config, "pattern") && vocabulary && vocabulary->is_array();
}

TokenizerPlan plan_of_tekken(const json& document, const std::string& file) {
  const json &config = document.at("config"), &vocabulary = document.at("vocab");
  const auto listed = static_cast<int64_t>(vocabulary.size());
  const int64_t special = count_field(config, "default_num_special_tokens", -1);
  const int64_t size = count_field(config, "default_vocab_size", -1);
  if (special < 0 || size > most_tokens || size - special < 256 || size - special > listed)
    refuse_tokenizer(file, fmt::format("its {} tokens are not what its config says of them", listed));
  TokenizerPlan plan;
  add_tokens(vocabulary, size - special, special, file, plan);
  const json split = {
      {"type", "Split"}, {"pattern", {{"Regex", text_field(config, "pattern")}}}, {"behavior", "Isolated"}};
  const json bytes = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}};
  merge_by_id({{"pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", {split, bytes}}}},
               {"decoder", {{"type", "ByteLevel"}}}},
              file, plan);
  const json* tokens = field(document, "special_tokens");
  add_special(tokens, special, file, plan);
  plan.names_are_guessed = !tokens;
  plan.bos = plan.find("<s>");
  plan.eos = plan.find("</s>");
  if (plan.bos >= 0) plan.before = {plan.bos};
  return plan;
}

}  // namespace stemma
