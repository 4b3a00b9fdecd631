#include "runtime/trace/delimiters.h"

#include <array>
#include <cctype>
#include <nlohmann/json.hpp>

#include "runtime/error.h"

namespace stemma {

namespace {

constexpr std::array rows = {
    ThoughtDelimiters{"<think>", "</think>", "",
                      "DeepSeek-R1 and its distills, Qwen3, QwQ, OLMo-3-Think, SmolLM3, Phi-4-reasoning, GLM"},
    ThoughtDelimiters{"[THINK]", "[/THINK]", "", "Magistral"},
    ThoughtDelimiters{"<|channel|>analysis<|message|>", "<|end|>", "<|channel|>final<|message|>", "gpt-oss"},
    ThoughtDelimiters{"\u25c1think\u25b7", "\u25c1/think\u25b7", "", "Kimi"},
    ThoughtDelimiters{"<seed:think>", "</seed:think>", "", "Seed-OSS"},
    ThoughtDelimiters{"<|channel>thought", "<channel|>", "", "Gemma 4"},
    ThoughtDelimiters{"<|START_THINKING|>", "<|END_THINKING|>", "", "Command A"},
    ThoughtDelimiters{"<|inner_prefix|>", "<|inner_suffix|>", "", "Apertus"},
    ThoughtDelimiters{"<|begin_of_thought|>", "<|end_of_thought|>", "", "OpenThinker, Sky-T1"},
    ThoughtDelimiters{"<thought>", "</thought>", "", "EXAONE Deep"},
};

constexpr std::array<std::string_view, 16> ends = {
    "<|endoftext|>",   "<|im_end|>",    "<|eot_id|>",
    "<|end_of_text|>", "</s>",          "<|return|>",
    "<|end|>",         "<end_of_turn>", "<\uff5cend\u2581of\u2581sentence\uff5c>",
    "<|eom_id|>",      "<turn|>",       "<|END_OF_TURN_TOKEN|>",
    "<|end_of_turn|>", "<|user|>",      "<eos>",
    "<|END_RESPONSE|>"};

// Families whose tokenizers and templates may say nothing of their tags.
struct Family {
  std::string_view architecture, start;
};
constexpr std::array families = {Family{"qwen3", "<think>"}, Family{"olmo3", "<think>"}, Family{"smollm3", "<think>"},
                                 Family{"gptoss", "<|channel|>analysis<|message|>"}, Family{"seedoss", "<seed:think>"}};

// "Olmo3ForCausalLM" and "gpt_oss" alike: small letters and digits.
bool is_of(std::string_view architecture, const Family& family) {
  std::string plain;
  for (const unsigned char c : architecture)
    if (std::isalnum(c)) plain += static_cast<char>(std::tolower(c));
  return plain.starts_with(family.architecture);
}

std::string_view trimmed(std::string_view text) {
  const size_t end = text.find_last_not_of(" \t\r\n");
  return end == std::string_view::npos ? std::string_view() : text.substr(0, end + 1);
}

// A tag may begin with a token and go on in plain words, as the channels of gpt-oss and Gemma do.
int32_t id_of_tag(const Tokenizer& tokenizer, std::string_view tag) {
  const int32_t whole = tokenizer.id(tag);
  return whole >= 0 ? whole : tokenizer.id(tag.substr(0, tag.find('>') + 1));
}

// Whether the prompt that the template makes for one question ends in the start tag.
bool opens_thought(const ChatTemplate& chat, std::string_view start) {
  ChatRequest request;
  request.add("user", "?");
  try {
    return trimmed(chat.render(request)).ends_with(start);
  } catch (const Error&) {
    return false;
  }
}

// `tokenizer` may be null.
Delimiters find_delimiters(const Tokenizer* tokenizer, const ChatTemplate* chat, std::string_view architecture) {
  Delimiters found;
  const auto take = [&](const ThoughtDelimiters& row, std::string_view where) {
    if (found.row) return;
    found.row = &row;
    found.found_in = where;
  };
  const auto named = [&](std::string_view tag) { return chat && chat->text.find(tag) != std::string::npos; };
  for (const ThoughtDelimiters& row : rows)
    if (named(row.start) || (row.answer.empty() && named(row.end))) take(row, "chat template");
  for (const ThoughtDelimiters& row : rows)
    if (tokenizer && id_of_tag(*tokenizer, row.start) >= 0) take(row, "special tokens");
  for (const Family& family : families)
    for (const ThoughtDelimiters& row : rows)
      if (is_of(architecture, family) && row.start == family.start) take(row, "architecture");
  if (!found.row) return found;
  found.ordinary_pieces = tokenizer && id_of_tag(*tokenizer, found.row->start) < 0;
  found.prompt_opens = chat && opens_thought(*chat, found.row->start);
  found.can_be_off = chat && chat->reads("enable_thinking");
  return found;
}

}  // namespace

std::span<const ThoughtDelimiters> thought_delimiters() { return rows; }

std::span<const ThoughtDelimiters> thought_delimiters(std::string_view start) {
  for (const ThoughtDelimiters& row : rows)
    if (row.start == start) return {&row, 1};
  return rows;
}

std::span<const std::string_view> turn_ends() { return ends; }

Delimiters delimiters_of(const Tokenizer& tokenizer, const ChatTemplate* chat, std::string_view architecture) {
  return find_delimiters(&tokenizer, chat, architecture);
}

Delimiters delimiters_of(const ChatTemplate* chat, std::string_view architecture) {
  return find_delimiters(nullptr, chat, architecture);
}

std::string empty_thought_after(std::string_view prompt, const Delimiters& delimiters) {
  const ThoughtDelimiters& row = delimiters.row ? *delimiters.row : rows[0];
  const std::string closed = std::string(row.end) + (row.answer.empty() ? "\n\n" : "<|start|>assistant");
  if (trimmed(prompt).ends_with(row.start)) return "\n" + closed;
  return std::string(row.start) + (row.answer.empty() ? "\n\n" : "") + closed;
}

}  // namespace stemma
