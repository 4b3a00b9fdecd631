// The filter wordwrap: lines of at most so many characters, cut as Python's textwrap cuts them.
#include <algorithm>

#include "runtime/template/builtins/registry.h"
#include "runtime/template/machine/parameters.h"
#include "runtime/template/values/characters.h"
#include "runtime/template/values/print.h"

namespace stemma::jinja {

namespace {

using Letters = std::u32string;

Letters letters_of(std::string_view text) {
  work_on_characters(text.size());
  expect_room(static_cast<int64_t>(8 * text.size()));
  Letters letters;
  for (size_t at = 0; at < text.size(); at += bytes_of_character(text, at)) letters += character_at(text, at);
  return letters;
}

bool is_white(char32_t c) { return (c >= '\t' && c <= '\r') || c == ' '; }
bool is_letter(char32_t c) { return is_word_character(c) && !(c >= '0' && c <= '9'); }
bool before_dash(char32_t c) {  // what a dash or hyphen may follow
  return is_word_character(c) || Letters(U"!\"'&.,?").find(c) != Letters::npos;
}

// Cuts a line into white space, words, parts of words with hyphens, and dashes.
class Chunks {
 public:
  Chunks(const Letters& line, bool at_hyphens) : line_(line), at_hyphens_(at_hyphens) {}

  std::vector<Letters> run() {
    std::vector<Letters> chunks;
    for (size_t at = 0; at < line_.size();) {
      const size_t end = end_of_chunk(at);
      expect_room(static_cast<int64_t>((chunks.size() + 1) * 2 * sizeof(Letters)));
      chunks.push_back(line_.substr(at, end - at));
      at = end;
    }
    return chunks;
  }

 private:
  char32_t at(size_t i) const { return i < line_.size() ? line_[i] : U'\0'; }

  size_t end_of_chunk(size_t begin) const {
    size_t end = begin;
    if (is_white(line_[begin])) {
      while (end < line_.size() && is_white(line_[end])) ++end;
      return end;
    }
    if (at_hyphens_ && begin > 0 && before_dash(line_[begin - 1]) && dash_at(begin)) return begin + dash_at(begin);
    for (end = begin + 1; end < line_.size() && !is_white(line_[end]); ++end) {
      if (!at_hyphens_) continue;
      if (hyphen_at(end)) return end + 1;
      if (before_dash(line_[end - 1]) && dash_at(end)) return end;
    }
    return end;
  }

  // Of two hyphens or more before a word.
  size_t dash_at(size_t begin) const {
    size_t end = begin;
    while (at(end) == '-') ++end;
    work(1 + static_cast<int64_t>(end - begin) / 16);
    return end - begin >= 2 && end < line_.size() && is_word_character(line_[end]) ? end - begin : 0;
  }

  // Between two letters on each side, of which hyphens may stand between.
  bool hyphen_at(size_t i) const {
    if (at(i) != '-' || i < 2) return false;
    const bool two_letters = is_letter(line_[i - 2]) && is_letter(line_[i - 1]);
    const bool letter_hyphen = i >= 3 && is_letter(line_[i - 3]) && line_[i - 2] == '-' && is_letter(line_[i - 1]);
    if (!two_letters && !letter_hyphen) return false;
    return is_letter(at(i + 1)) && (is_letter(at(i + 2)) || (at(i + 2) == '-' && is_letter(at(i + 3))));
  }

  const Letters& line_;
  const bool at_hyphens_;
};

struct Wrapping {
  size_t width;
  bool cuts_words, at_hyphens;
};

bool is_blank(const Letters& chunk) { return std::all_of(chunk.begin(), chunk.end(), is_space); }

std::vector<Letters> wrapped(const Letters& line, const Wrapping& wrapping) {
  std::vector<Letters> chunks = Chunks(line, wrapping.at_hyphens).run(), lines;
  std::reverse(chunks.begin(), chunks.end());
  while (!chunks.empty()) {
    std::vector<Letters> parts;
    size_t length = 0;
    if (!lines.empty() && is_blank(chunks.back())) chunks.pop_back();
    while (!chunks.empty() && length + chunks.back().size() <= wrapping.width) {
      length += chunks.back().size();
      parts.push_back(std::move(chunks.back()));
      chunks.pop_back();
    }
    if (!chunks.empty() && chunks.back().size() > wrapping.width) {
      Letters& word = chunks.back();
      if (wrapping.cuts_words) {
        size_t end = wrapping.width - length;
        const size_t hyphen = end > 0 && wrapping.at_hyphens ? word.rfind(U'-', end - 1) : Letters::npos;
        if (hyphen != Letters::npos && hyphen > 0 && word.find_first_not_of(U'-') < hyphen) end = hyphen + 1;
        work_on_characters(word.size());
        parts.push_back(word.substr(0, end));
        word.erase(0, end);
      } else if (parts.empty()) {
        parts.push_back(std::move(word));
        chunks.pop_back();
      }
    }
    if (!parts.empty() && is_blank(parts.back())) parts.pop_back();
    if (parts.empty()) continue;
    Letters made;
    for (const Letters& part : parts) made += part;
    lines.push_back(std::move(made));
  }
  return lines;
}

Value wordwrap(Machine&, const Value& input, const Arguments& arguments) {
  const Parameters given("wordwrap", arguments, {"width", "break_long_words", "wrapstring", "break_on_hyphens"});
  if (!input.is_text()) throw Fault("wordwrap wants a string");
  const int64_t width = given.whole(0, 79);
  const std::string between = given[2].is_none() ? "\n" : given.text(2);
  const Wrapping wrapping{static_cast<size_t>(std::max<int64_t>(width, 0)), given.truth(1, true), given.truth(3, true)};
  Builder made;
  bool first = true;
  for (const std::string_view line : lines_of(input.text().bytes, false)) {
    if (!first) made.add(between);
    first = false;
    if (width <= 0) throw Fault("invalid width (must be > 0)");
    bool first_part = true;
    for (const Letters& part : wrapped(letters_of(line), wrapping)) {
      if (!first_part) made.add(between);
      first_part = false;
      std::string text;
      for (const char32_t c : part) append_character(text, c);
      made.add(text);
    }
  }
  return make_text(made.take());
}

}  // namespace

const FilterTable& wrapping_filters() {
  static const FilterTable table = {{"wordwrap", wordwrap}};
  return table;
}

}  // namespace stemma::jinja
