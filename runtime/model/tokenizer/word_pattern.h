// The regular expressions of a tokenizer.json.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace stemma {

struct TextRange {
  uint32_t begin, end;  // bytes
};

// One Unicode regular expression (PCRE2, JIT where the machine allows it, bounded work), understood as Oniguruma does,
// which the files are written for: \s, \w and \h are its sets, ^ and $ are those of lines, and [a&&[b]] is an
// intersection.
class WordPattern {
 public:
  // Throws Error where the pattern is broken or uses what is not supported; `file` is for messages.
  WordPattern(const std::string& pattern, const std::string& file);
  ~WordPattern();
  WordPattern(WordPattern&&) noexcept;

  // Appends every match in order, empty ones too (but none where the last one ended). The text must be valid UTF-8.
  // Throws Error where the pattern needs more work than a tokenizer's may. Safe to call from several threads.
  void find(std::string_view text, std::vector<TextRange>& matches) const;

 private:
  struct Code;
  std::unique_ptr<const Code> code_;
};

// The pattern as PCRE2 writes it.
std::string in_pcre_syntax(std::string_view pattern, const std::string& file);

}  // namespace stemma
