#include "runtime/trace/steps.h"

#include <algorithm>
#include <span>
#include <string_view>

#include "runtime/trace/delimiters.h"

namespace stemma {

namespace {

constexpr size_t shortest_step = 10;  // characters
constexpr std::string_view white = " \t\r\n";

std::string_view trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(white);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(white) + 1 - begin);
}

size_t characters(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

// Where the thought lies in `text`, in bytes. `begin` <= `body` (after the start tag) <= `body_end` <= `end` (after the
// end tag).
struct Thought {
  bool found = false;
  size_t begin = 0, body = 0, body_end = 0, end = 0;
};

// Where the end tag stands; npos: nowhere yet. Models with channels may think several times before they answer.
size_t end_of_thoughts(std::string_view text, size_t body, const ThoughtDelimiters& delimiters) {
  size_t end = text.find(delimiters.end, body);
  if (delimiters.answer.empty()) return end;
  const size_t answer = text.find(delimiters.answer, body);
  while (end != std::string_view::npos) {
    const size_t again = text.find(delimiters.start, end);
    if (again == std::string_view::npos || again > answer) break;
    end = text.find(delimiters.end, again);
  }
  return end;
}

Thought find_thought(std::string_view text, size_t prompt_end, std::span<const ThoughtDelimiters> known) {
  const std::string_view prompt = trimmed(text.substr(0, prompt_end));
  const ThoughtDelimiters* delimiters = nullptr;
  Thought thought;
  for (const ThoughtDelimiters& candidate : known) {
    if (prompt.ends_with(candidate.start)) {
      delimiters = &candidate;
      thought.begin = thought.body = prompt_end;
      break;
    }
    const size_t at = text.find(candidate.start, prompt_end);
    if (at != std::string_view::npos && (!delimiters || at < thought.begin)) {
      delimiters = &candidate;
      thought.begin = at;
      thought.body = at + candidate.start.size();
    }
  }
  if (!delimiters) return {};
  const size_t end = end_of_thoughts(text, thought.body, *delimiters);
  thought.body_end = std::min(end, text.size());
  thought.end = end == std::string_view::npos ? text.size() : end + delimiters->end.size();
  thought.found = !trimmed(text.substr(thought.body, thought.body_end - thought.body)).empty();
  // White space between the prompt and the tag is the thought's.
  if (trimmed(text.substr(prompt_end, thought.begin - prompt_end)).empty()) thought.begin = prompt_end;
  return thought;
}

// A cut may stand before text[i]: after the end of a sentence, or where a blank line begins.
bool is_cut(std::string_view text, size_t i) {
  const char before = text[i - 1], here = text[i];
  if (before == '.' || before == '?' || before == '!') return here == ' ' || here == '\n';
  if (here != '\n' || before == '\n') return false;
  const size_t next = text.find_first_not_of(" \t\r", i + 1);
  return next != std::string_view::npos && text[next] == '\n';
}

// Cuts inside the body, in bytes of `text`.
std::vector<size_t> cuts_of(std::string_view text, size_t body, size_t body_end) {
  const std::string_view inside = text.substr(0, body_end);
  std::vector<size_t> cuts;
  size_t begin = body;
  for (size_t i = body + 1; i < body_end; ++i) {
    if (!is_cut(inside, i)) continue;
    if (characters(trimmed(inside.substr(begin, i - begin))) < shortest_step) continue;
    cuts.push_back(i);
    begin = i;
  }
  if (!cuts.empty() && characters(trimmed(inside.substr(begin))) < shortest_step) cuts.pop_back();
  return cuts;
}

}  // namespace

std::vector<Step> split_steps(const Trace& trace) {
  const int32_t size = trace.size();
  const int32_t prompt = std::clamp(trace.prompt_tokens, 0, size);
  std::vector<Step> steps;
  int32_t begin = 0;
  const auto add = [&](int32_t end, StepKind kind) {
    if (end > begin) steps.push_back({begin, end, kind, {}, {}});
    begin = std::max(begin, end);
  };
  // The first token that starts at `byte` or after it.
  const auto token_at = [&](size_t byte) {
    const auto first = trace.token_offsets.begin();
    return static_cast<int32_t>(std::lower_bound(first + begin, first + size, byte) - first);
  };

  add(prompt, StepKind::prompt);
  if (prompt == size) return steps;
  const Thought thought =
      find_thought(trace.text, trace.token_offsets[prompt], thought_delimiters(trace.thought_start));
  if (thought.found) {
    add(token_at(thought.begin), StepKind::answer);  // words before the thought
    for (const size_t cut : cuts_of(trace.text, thought.body, thought.body_end)) add(token_at(cut), StepKind::thought);
    add(token_at(thought.end), StepKind::thought);
  }
  add(size, StepKind::answer);
  return steps;
}

}  // namespace stemma
