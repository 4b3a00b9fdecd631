#include "runtime/trace/trace.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <string_view>

#include "runtime/error.h"
#include "runtime/trace/delimiters.h"

namespace stemma {

const char* name_of(StepKind kind) {
  switch (kind) {
    case StepKind::prompt:
      return "prompt";
    case StepKind::thought:
      return "thought";
    case StepKind::answer:
      return "answer";
  }
  return "";
}

StepKind step_kind(const std::string& name) {
  for (const StepKind kind : {StepKind::prompt, StepKind::thought, StepKind::answer}) {
    if (name == name_of(kind)) return kind;
  }
  throw Error(ErrorCode::bad_file,
              "\"" + name.substr(0, 40) + "\" is no kind of step; a step is prompt, thought or answer");
}

double Trace::nats(const Step& step) const {
  double sum = 0;
  for (int32_t i = step.begin; i < step.end; ++i) {
    if (!std::isnan(logprob[i])) sum -= logprob[i];
  }
  return sum;
}

std::string answer_of(const Trace& trace) {
  std::string text;
  for (const Step& step : trace.steps) {
    if (step.kind == StepKind::answer) text += trace.step_text(step);
  }
  // An empty thought stands with the answer.
  constexpr std::string_view white = " \t\r\n";
  const auto known = thought_delimiters(trace.thought_start);
  for (const ThoughtDelimiters& delimiters : known) {
    const size_t end = text.find(delimiters.end);
    if (end == std::string::npos) continue;
    size_t begin = text.find_first_not_of(white);
    if (text.compare(begin, delimiters.start.size(), delimiters.start) == 0) {
      begin = text.find_first_not_of(white, begin + delimiters.start.size());
    }
    if (begin == end) text.erase(0, end + delimiters.end.size());
  }
  for (const ThoughtDelimiters& delimiters : known) {
    const size_t answer = delimiters.answer.empty() ? std::string::npos : text.find(delimiters.answer);
    if (answer != std::string::npos) text.erase(0, answer + delimiters.answer.size());
  }
  for (bool again = true; again;) {
    again = false;
    text.erase(text.find_last_not_of(white) + 1);
    for (const std::string_view mark : turn_ends()) {
      if (!text.ends_with(mark)) continue;
      text.erase(text.size() - mark.size());
      again = true;
    }
  }
  const auto trim_begin = [&] { text.erase(0, std::min(text.find_first_not_of(white), text.size())); };
  trim_begin();
  for (const std::string_view mark : answer_begins()) {
    if (!text.starts_with(mark)) continue;
    text.erase(0, mark.size());
    trim_begin();
  }
  return text;
}

bool is_right(const std::string& given, const std::string& expected) {
  if (expected == "Yes" || expected == "No")
    return given.starts_with(expected) && (given.size() == expected.size() || !std::isalnum(static_cast<unsigned char>(given[expected.size()])));
  return given == expected;
}

}  // namespace stemma
