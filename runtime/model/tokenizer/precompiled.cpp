#include "runtime/model/tokenizer/precompiled.h"

#include <fmt/format.h>
#include <utf8proc.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <vector>

#include "runtime/error.h"
#include "runtime/model/tokenizer/newer_characters.h"
#include "runtime/model/utf8.h"

namespace stemma {

namespace {

constexpr size_t longest_cluster = 6;  // bytes, from which it is not looked up as a whole

class Charsmap {
 public:
  Charsmap(std::string_view table, const std::string& file) {
    uint32_t size = 0;
    if (table.size() >= 4) std::memcpy(&size, table.data(), 4);
    if (size == 0 || size % 4 || size > table.size() - 4)
      throw Error(ErrorCode::bad_file, fmt::format("{}: its precompiled_charsmap is cut short", file));
    units_.resize(size / 4);
    std::memcpy(units_.data(), table.data() + 4, size);
    replacements_ = table.substr(4 + size);
  }

  struct Found {
    size_t length = 0;  // bytes of the text
    std::string_view replacement;
  };
  // The shortest or the longest entry that `text` begins with.
  std::optional<Found> find(std::string_view text, bool longest) const {
    std::optional<Found> found;
    size_t node = offset(units_[0]);
    for (size_t i = 0; i < text.size(); ++i) {
      const auto letter = static_cast<uint8_t>(text[i]);
      if (letter == 0) break;
      node ^= letter;
      if (node >= units_.size() || (units_[node] & 0x800000FFu) != letter) break;
      const uint32_t unit = units_[node];
      node ^= offset(unit);
      if (!((unit >> 8) & 1)) continue;
      if (node >= units_.size()) break;
      const size_t at = units_[node] & 0x7FFFFFFFu;
      if (at >= replacements_.size()) break;
      const size_t end = replacements_.find('\0', at);
      found = {i + 1, std::string_view(replacements_).substr(at, end == std::string::npos ? end : end - at)};
      if (!longest) break;
    }
    return found;
  }

 private:
  static size_t offset(uint32_t unit) { return size_t{unit >> 10} << ((unit & 0x200u) >> 6); }

  std::vector<uint32_t> units_;
  std::string replacements_;
};

// The character as clusters are made of it: a mark that utf8proc does not know is one that it knows.
utf8proc_int32_t in_cluster(std::string_view text, size_t at) {
  constexpr utf8proc_int32_t acute = 0x301;
  const char32_t character = utf8_character(text, at);
  const NewerCharacters* newer = newer_character(character);
  return newer && newer->category.starts_with('M') ? acute : static_cast<utf8proc_int32_t>(character);
}

void replace_longest(const Charsmap& map, const AddedTokens& kept, NormalText& normal) {
  const std::string_view text = normal.text();
  Rewriter to(normal);
  for (size_t at = 0; at < text.size();) {
    const AddedToken* symbol = kept.at(text.substr(at));
    const size_t length = symbol ? symbol->content.size() : std::max<size_t>(utf8_length(text, at), 1);
    if (const auto found = symbol ? std::nullopt : map.find(text.substr(at), true)) {
      to.put(found->replacement, at);
      at += found->length;
    } else {
      to.keep(at, at + length);
      at += length;
    }
  }
  normal = to.finish(text.size());
}

void replace_in_clusters(const Charsmap& map, NormalText& normal) {
  const std::string_view text = normal.text();
  Rewriter to(normal);
  auto rewrite = [&](size_t begin, size_t end) {
    if (const auto found =
            end - begin < longest_cluster ? map.find(text.substr(begin, end - begin), false) : std::nullopt)
      return to.put(found->replacement, begin);
    for (size_t at = begin; at < end;) {
      const size_t length = std::max<size_t>(utf8_length(text, at), 1);
      if (const auto found = map.find(text.substr(at, length), false))
        to.put(found->replacement, at);
      else
        to.keep(at, at + length);
      at += length;
    }
  };
  utf8proc_int32_t state = 0;
  size_t begin = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t length = utf8_length(text, at), next = at + std::max<size_t>(length, 1);
    const bool both = length && next < text.size() && utf8_length(text, next);
    if (!both || utf8proc_grapheme_break_stateful(in_cluster(text, at), in_cluster(text, next), &state)) {
      rewrite(begin, next);
      begin = next;
      if (!both) state = 0;
    }
    at = next;
  }
  normal = to.finish(text.size());
}

}  // namespace

Normalizer precompiled(std::string_view table, Longest how, const std::string& file, std::vector<AddedToken> kept) {
  auto map = std::make_shared<const Charsmap>(table, file);
  auto symbols = std::make_shared<const AddedTokens>(std::move(kept));
  return [map, symbols, how](NormalText& text) {
    if (how == Longest::of_text)
      replace_longest(*map, *symbols, text);
    else
      replace_in_clusters(*map, text);
  };
}

}  // namespace stemma
