// How each family of models marks its thought: a table, and which of its rows a model goes by.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>

#include "runtime/model/chat_template.h"
#include "runtime/model/tokenizer.h"

namespace stemma {

struct ThoughtDelimiters {
  std::string_view start, end;
  std::string_view between;  // what stands between the end and the answer's mark
  std::string_view answer;   // what stands before the answer where several thoughts may come first; empty: the end does
  std::string_view models;  // who writes so
};
std::span<const ThoughtDelimiters> thought_delimiters();
// The rows that a text is searched for: the model's own, by its start tag, or all tags where that is empty or unknown.
std::span<const ThoughtDelimiters> thought_delimiters(std::string_view start);

// Marks with which models begin their answer and end their turn; no part of an answer.
std::span<const std::string_view> answer_begins();
std::span<const std::string_view> turn_ends();

// What a model was found to go by.
struct Delimiters {
  const ThoughtDelimiters* row = nullptr;  // null: it marks no thought
  std::string_view found_in;               // "chat template", "special tokens", "architecture", ""
  bool ordinary_pieces = false;            // the tags are no tokens of their own: several pieces, found in the text
  bool prompt_opens = false;               // the template writes the start itself, so the output has no opening tag
  bool can_be_off = false;                 // the template reads a variable that switches it off
};

// `chat` may be null; `architecture` as in the config ("Olmo3ForCausalLM", or "olmo3").
Delimiters delimiters_of(const Tokenizer& tokenizer, const ChatTemplate* chat, std::string_view architecture);
// The same where the tokenizer is not there: tags are taken for tokens of their own.
Delimiters delimiters_of(const ChatTemplate* chat, std::string_view architecture);

// The variables with which this template is told not to have the model think, such as {"enable_thinking": false}; an
// object, empty where it knows none.
nlohmann::ordered_json thought_switched_off(const ChatTemplate& chat);

// What a prompt goes on with so that the model answers without a thought: an empty one, closed if the prompt opened it;
// nothing if the prompt closed it, too.
std::string empty_thought_after(std::string_view prompt, const Delimiters& delimiters);

}  // namespace stemma
