#include "runtime/name_pattern.h"

#include <algorithm>

namespace stemma {

// A star that led astray takes one more: pattern times name steps at most, whatever a file's pattern is.
bool matches(std::string_view pattern, std::string_view name) {
  size_t p = 0, n = 0, star = std::string_view::npos, taken = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      taken = n;
    } else if (p < pattern.size() && pattern[p] == name[n]) {
      ++p, ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++taken;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

std::vector<std::string> words_of_list(std::string_view list) {
  constexpr const char* blank = " \t";
  std::vector<std::string> words;
  for (size_t begin = 0; begin <= list.size();) {
    const size_t end = std::min(list.find(',', begin), list.size());
    std::string_view word = list.substr(begin, end - begin);
    begin = end + 1;
    word.remove_prefix(std::min(word.find_first_not_of(blank), word.size()));
    if (!word.empty()) words.emplace_back(word.substr(0, word.find_last_not_of(blank) + 1));
  }
  return words;
}

}  // namespace stemma
