#include "runtime/trace/delimiters.h"

#include <array>
#include <cctype>
#include <nlohmann/json.hpp>

#include "runtime/error.h"

namespace stemma {

namespace {

// The first ones are plain words: they are tags in the mouths of those models alone, and are never searched for in
// what others write.
constexpr std::array rows = {
    ThoughtDelimiters{"Here is my thought process:", "Here is my response:", "", "", "Granite 3.2"},
    ThoughtDelimiters{"Here are my reasoning steps:", "[BEGIN FINAL RESPONSE]", "", "", "Apriel"},
    ThoughtDelimiters{
        "<think>", "</think>", "", "",
        "DeepSeek-R1 and its distills, DeepSeek-V3.1, Qwen3, QwQ, OLMo-3-Think, SmolLM3, Phi-4-reasoning, "
        "GLM, Kimi-K2-Thinking, MiniMax, Nemotron, Hunyuan, ERNIE, Granite 3.3, EXAONE 4, Step"},
    ThoughtDelimiters{"[THINK]", "[/THINK]", "", "", "Magistral, Ministral"},
    ThoughtDelimiters{"<|channel|>analysis<|message|>", "<|end|>", "<|start|>assistant", "<|channel|>final<|message|>",
                      "gpt-oss"},
    ThoughtDelimiters{"\u25c1think\u25b7", "\u25c1/think\u25b7", "", "", "Kimi-VL"},
    ThoughtDelimiters{"<|open|>think<|sep|>", "<|close|>think<|sep|>", "", "<|open|>response<|sep|>", "Kimi-K3"},
    ThoughtDelimiters{"<seed:think>", "</seed:think>", "", "", "Seed-OSS"},
    ThoughtDelimiters{"<mm:think>", "</mm:think>", "", "", "MiniMax-M3"},
    ThoughtDelimiters{"<|channel>thought", "<channel|>", "", "", "Gemma 4"},
    ThoughtDelimiters{"<|START_THINKING|>", "<|END_THINKING|>", "", "", "Command A, Command R7B"},
    ThoughtDelimiters{"<|inner_prefix|>", "<|inner_suffix|>", "", "", "Apertus"},
    ThoughtDelimiters{"<|begin_of_thought|>", "<|end_of_thought|>", "", "", "OpenThinker, Sky-T1"},
    ThoughtDelimiters{"<|thought_start|>", "<|thought_end|>", "", "", "MiniCPM3"},
    ThoughtDelimiters{"<thought>", "</thought>", "", "", "EXAONE Deep"},
    ThoughtDelimiters{"<Thought>", "</Thought>", "", "", "Marco-o1"},
    ThoughtDelimiters{"<|im_start|>assistant/think", "<|im_end|>", "\n", "<|im_start|>assistant\n",
                      "HyperCLOVA X Think"},
    ThoughtDelimiters{"<|think|>", "<|end|>", "<|begin|>assistant", "<|content|>", "Solar Open"},
    ThoughtDelimiters{"<thinking>", "</thinking>", "", "", "Reflection"},
};
constexpr size_t plain_rows = 2;

constexpr std::array<std::string_view, 7> begins = {"<|START_RESPONSE|>",    "<|START_TEXT|>", "<response>", "<answer>",
                                                    "<|begin_of_solution|>", "<Output>",       "<output>"};

constexpr std::array<std::string_view, 38> ends = {"<|endoftext|>",
                                                   "<|im_end|>",
                                                   "<|eot_id|>",
                                                   "<|end_of_text|>",
                                                   "</s>",
                                                   "<|return|>",
                                                   "<|end|>",
                                                   "<end_of_turn>",
                                                   "<\uff5cend\u2581of\u2581sentence\uff5c>",
                                                   "<|eom_id|>",
                                                   "<turn|>",
                                                   "<|END_OF_TURN_TOKEN|>",
                                                   "<|end_of_turn|>",
                                                   "<|user|>",
                                                   "<eos>",
                                                   "<|END_RESPONSE|>",
                                                   "<|END_TEXT|>",
                                                   "<|observation|>",
                                                   "<|endofturn|>",
                                                   "[|endofturn|]",
                                                   "<seed:eos>",
                                                   "[e~[",
                                                   "<|assistant_end|>",
                                                   "<|eos|>",
                                                   "<|flush|>",
                                                   "<|eot|>",
                                                   "<|EOT|>",
                                                   "<|role_end|>",
                                                   "<|end_of_msg|>",
                                                   "<|close|>message<|sep|>",
                                                   "<|close|>response<|sep|>",
                                                   "[END FINAL RESPONSE]",
                                                   "</response>",
                                                   "</answer>",
                                                   "<|end_of_solution|>",
                                                   "</Output>",
                                                   "</output>",
                                                   "<|im_sep|>"};

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

std::string_view without_end_space(std::string_view text) {
  const size_t end = text.find_last_not_of(" \t\r\n");
  return end == std::string_view::npos ? std::string_view() : text.substr(0, end + 1);
}

// A tag may begin with a token and go on in plain words, as the channels of gpt-oss and Gemma do. A token that opens
// every turn of ChatML is no sign of a thought.
int32_t id_of_tag(const Tokenizer& tokenizer, std::string_view tag) {
  const int32_t whole = tokenizer.id(tag);
  if (whole >= 0) return whole;
  const std::string_view token = tag.substr(0, tag.find('>') + 1);
  return token == "<|im_start|>" ? -1 : tokenizer.id(token);
}

// The prompt that the template makes for one question, without the white space at its end; empty where it refuses.
std::string prompt_of(const ChatTemplate& chat) {
  ChatRequest request;
  request.add("user", "?");
  try {
    return std::string(without_end_space(chat.render(request)));
  } catch (const Error&) {
    return {};
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
  // Templates may put their tags together of parts, so that only the prompt shows them.
  const std::string prompt = chat ? prompt_of(*chat) : "";
  for (const ThoughtDelimiters& row : rows)
    if (prompt.ends_with(row.start) || (row.answer.empty() && prompt.ends_with(row.end))) take(row, "chat template");
  for (const ThoughtDelimiters& row : rows)
    if (named(row.start) || (row.answer.empty() && named(row.end))) take(row, "chat template");
  for (const ThoughtDelimiters& row : rows)
    if (tokenizer && id_of_tag(*tokenizer, row.start) >= 0) take(row, "special tokens");
  for (const Family& family : families)
    for (const ThoughtDelimiters& row : rows)
      if (is_of(architecture, family) && row.start == family.start) take(row, "architecture");
  if (!found.row) return found;
  found.ordinary_pieces = tokenizer && id_of_tag(*tokenizer, found.row->start) < 0;
  found.prompt_opens = prompt.ends_with(found.row->start);
  found.can_be_off = chat && !thought_switched_off(*chat).empty();
  return found;
}

}  // namespace

std::span<const ThoughtDelimiters> thought_delimiters() { return rows; }

nlohmann::ordered_json thought_switched_off(const ChatTemplate& chat) {
  auto variables = nlohmann::ordered_json::object();
  for (const char* variable : {"enable_thinking", "thinking", "reasoning"})
    if (chat.reads(variable)) variables[variable] = false;
  for (const char* variable : {"skip_thinking", "skip_reasoning"})
    if (chat.reads(variable)) variables[variable] = true;
  return variables;
}

std::span<const ThoughtDelimiters> thought_delimiters(std::string_view start) {
  for (const ThoughtDelimiters& row : rows)
    if (row.start == start) return {&row, 1};
  return std::span(rows).subspan(plain_rows);
}

std::span<const std::string_view> answer_begins() { return begins; }
std::span<const std::string_view> turn_ends() { return ends; }

Delimiters delimiters_of(const Tokenizer& tokenizer, const ChatTemplate* chat, std::string_view architecture) {
  return find_delimiters(&tokenizer, chat, architecture);
}

Delimiters delimiters_of(const ChatTemplate* chat, std::string_view architecture) {
  return find_delimiters(nullptr, chat, architecture);
}

std::string empty_thought_after(std::string_view prompt, const Delimiters& delimiters) {
  const ThoughtDelimiters& row = delimiters.row ? *delimiters.row : rows[plain_rows];
  const bool marked = !row.answer.empty();
  if (!marked && without_end_space(prompt).ends_with(row.end)) return {};
  std::string closed(row.end);
  closed += marked ? std::string(row.between) + std::string(row.answer) : "\n\n";
  if (without_end_space(prompt).ends_with(row.start)) return (marked ? "" : "\n") + closed;
  return std::string(row.start) + (marked ? "" : "\n\n") + closed;
}

}  // namespace stemma
