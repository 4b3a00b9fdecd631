#include "runtime/model/tokenizer/normalizers.h"

#include <memory>

#include "runtime/model/tokenizer/byte_alphabet.h"
#include "runtime/model/tokenizer/characters.h"
#include "runtime/model/tokenizer/word_pattern.h"
#include "runtime/model/utf8.h"

namespace stemma {

namespace {

// Calls `change` with every character; where it returns true, what it wrote stands for the character.
template <typename Change>
void rewrite_characters(NormalText& normal, Change change) {
  const std::string_view text = normal.text();
  Rewriter to(normal);
  std::string written;
  bool changed = false;
  size_t kept = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t length = utf8_length(text, at);
    written.clear();
    if (length && change(utf8_character(text, at), written)) {
      to.keep(kept, at);
      to.put(written, at);
      kept = at + length;
      changed = true;
    }
    at += length ? length : 1;
  }
  if (!changed) return;
  to.keep(kept, text.size());
  normal = to.finish(text.size());
}

}  // namespace

Normalizer normal_form(NormalForm form) {
  return [form](NormalText& text) { bring_to(form, text); };
}

Normalizer lower_case() {
  return [](NormalText& text) {
    rewrite_characters(text, [](char32_t c, std::string& to) {
      append_lowercase(to, c);
      std::string same;
      append_utf8(same, c);
      return to != same;
    });
  };
}

Normalizer strip(bool left, bool right) {
  return [left, right](NormalText& normal) {
    const std::string_view text = normal.text();
    size_t begin = 0, end = text.size();
    auto space = [&](size_t at) { return utf8_length(text, at) && is_white_space(utf8_character(text, at)); };
    while (left && begin < end && space(begin)) begin += utf8_length(text, begin);
    while (right && begin < end) {
      size_t last = end - 1;
      while (last > begin && (static_cast<uint8_t>(text[last]) & 0xC0) == 0x80) --last;
      if (!space(last)) break;
      end = last;
    }
    if (begin == 0 && end == text.size()) return;
    Rewriter to(normal);
    to.keep(begin, end);
    normal = to.finish(end);
  };
}

Normalizer strip_accents() {
  return [](NormalText& text) { rewrite_characters(text, [](char32_t c, std::string&) { return is_mark(c); }); };
}

Normalizer nmt() {
  return [](NormalText& text) {
    rewrite_characters(text, [](char32_t c, std::string& to) {
      const bool gone =
          (c >= 1 && c <= 8) || c == 0xB || (c >= 0xE && c <= 0x1F) || c == 0x7F || c == 0x8F || c == 0x9F;
      const bool space = c == 9 || c == 0xA || c == 0xC || c == 0xD || c == 0x1680 || (c >= 0x200B && c <= 0x200F) ||
                         c == 0x2028 || c == 0x2029 || c == 0x2581 || c == 0xFEFF || c == 0xFFFD;
      if (space) to = " ";
      return gone || space;
    });
  };
}

Normalizer prepend(std::string text) {
  return [text = std::move(text)](NormalText& normal) {
    if (normal.text().empty()) return;
    Rewriter to(normal);
    to.put(text, 0);
    to.keep(0, normal.text().size());
    normal = to.finish(normal.text().size());
  };
}

Normalizer replace(std::string pattern, std::string content) {
  return [pattern = std::move(pattern), content = std::move(content)](NormalText& normal) {
    const std::string_view text = normal.text();
    size_t found = pattern.empty() ? std::string_view::npos : text.find(pattern), kept = 0;
    if (found == std::string_view::npos) return;
    Rewriter to(normal);
    for (; found != std::string_view::npos; found = text.find(pattern, kept)) {
      to.keep(kept, found);
      to.put(content, found);
      kept = found + pattern.size();
    }
    to.keep(kept, text.size());
    normal = to.finish(text.size());
  };
}

Normalizer replace_expression(const std::string& expression, std::string content, const std::string& file) {
  auto pattern = std::make_shared<const WordPattern>(expression, file);
  return [pattern, content = std::move(content)](NormalText& normal) {
    const std::string valid = valid_utf8(normal.text());
    const std::string_view text = valid.empty() ? normal.text() : valid;
    std::vector<TextRange> matches;
    pattern->find(text, matches);
    if (matches.empty()) return;
    Rewriter to(normal);
    size_t kept = 0;
    for (const TextRange& match : matches) {
      to.keep(kept, match.begin);
      to.put(content, match.begin);
      kept = match.end;
    }
    to.keep(kept, text.size());
    normal = to.finish(text.size());
  };
}

Normalizer spell_bytes() {
  return [](NormalText& normal) {
    Rewriter to(normal);
    for (size_t at = 0; at < normal.text().size(); ++at)
      to.put(spelling_of_byte(static_cast<uint8_t>(normal.text()[at])), at);
    normal = to.finish(normal.text().size());
  };
}

Normalizer bert(bool cleans, bool spaces_han, bool strips_accents, bool lowers) {
  return [=, lower = lower_case()](NormalText& text) {
    if (cleans)
      rewrite_characters(text, [](char32_t c, std::string& to) {
        const bool space = is_white_space(c) && c != 0xB && c != 0xC && c != 0x85;
        if (space) to = " ";
        return (space && c != ' ') || c == 0 || c == 0xFFFD || (is_control(c) && !space);
      });
    if (spaces_han)
      rewrite_characters(text, [](char32_t c, std::string& to) {
        if (!is_han(c)) return false;
        to = " ";
        append_utf8(to, c);
        to += ' ';
        return true;
      });
    if (strips_accents) {
      bring_to(NormalForm::nfd, text);
      rewrite_characters(text, [](char32_t c, std::string&) { return is_nonspacing_mark(c); });
    }
    if (lowers) lower(text);
  };
}

Normalizer single_spaces() {
  return [](NormalText& normal) {
    const std::string_view text = normal.text();
    std::string_view kept = text;
    while (kept.ends_with(' ') || kept.ends_with(underscore))
      kept.remove_suffix(kept.ends_with(' ') ? 1 : underscore.size());
    Rewriter to(normal);
    for (size_t at = 0; at < kept.size(); ++at)
      if (kept[at] != ' ' || (to.size() > 0 && kept[at + 1] != ' ')) to.keep(at, at + 1);
    normal = to.finish(text.size());
  };
}

}  // namespace stemma
