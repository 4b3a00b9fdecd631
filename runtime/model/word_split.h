// Cutting text into words by the regular expressions of a tokenizer.json.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace stemma {

// One Unicode regular expression (PCRE2, JIT where the machine allows it, bounded work).
class WordPattern {
 public:
  // Throws Error where the pattern is broken; `file` is for messages.
  WordPattern(const std::string& pattern, const std::string& file);
  ~WordPattern();
  WordPattern(WordPattern&&) noexcept;

  // Appends every match and every gap between matches, in order, never empty. The text must be valid UTF-8.
  // Throws Error where the pattern needs more work than a tokenizer's may. Safe to call from several threads.
  void split(std::string_view text, std::vector<std::string_view>& words) const;

 private:
  struct Code;
  std::unique_ptr<const Code> code_;
};

}  // namespace stemma
