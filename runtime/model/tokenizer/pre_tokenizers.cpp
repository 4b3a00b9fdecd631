#include "runtime/model/tokenizer/pre_tokenizers.h"

#include <algorithm>
#include <map>
#include <memory>

#include "runtime/model/tokenizer/byte_alphabet.h"
#include "runtime/model/tokenizer/characters.h"
#include "runtime/model/utf8.h"

namespace stemma {

namespace {

struct Part {
  TextRange range;
  bool match;
};

// The parts of one piece, matches and what lies between them, as the behaviour has it.
void apply(Behavior behavior, std::vector<Part>& parts, std::vector<TextRange>& to) {
  auto put = [&](TextRange range) {
    if (range.end > range.begin) to.push_back(range);
  };
  if (behavior == Behavior::isolated || behavior == Behavior::removed) {
    for (const Part& part : parts)
      if (behavior == Behavior::isolated || !part.match) put(part.range);
    return;
  }
  const bool backward = behavior == Behavior::merged_with_next;
  if (backward) std::reverse(parts.begin(), parts.end());
  std::vector<TextRange> joined;
  bool previous = false;
  for (const Part& part : parts) {
    const bool joins = behavior == Behavior::contiguous ? part.match == previous : part.match && !previous;
    if (!joins || joined.empty())
      joined.push_back(part.range);
    else if (backward)
      joined.back().begin = part.range.begin;
    else
      joined.back().end = part.range.end;
    previous = part.match;
  }
  if (backward) std::reverse(joined.begin(), joined.end());
  for (const TextRange& range : joined) put(range);
}

// `find(text, matches)` gives the matches within one piece's text.
template <typename Find>
void cut(Pieces& pieces, Behavior behavior, bool invert, const Find& find) {
  std::vector<TextRange> finer, matches;
  std::vector<Part> parts;
  finer.reserve(pieces.ranges.size());
  for (const TextRange& piece : pieces.ranges) {
    matches.clear();
    parts.clear();
    find(pieces.valid().substr(piece.begin, piece.end - piece.begin), matches);
    uint32_t done = piece.begin;
    for (const TextRange& match : matches) {
      const uint32_t begin = piece.begin + match.begin, end = piece.begin + match.end;
      if (begin > done) parts.push_back({{done, begin}, invert});
      parts.push_back({{begin, end}, !invert});
      done = end;
    }
    if (done < piece.end) parts.push_back({{done, piece.end}, invert});
    apply(behavior, parts, finer);
  }
  pieces.ranges = std::move(finer);
}

template <typename IsMatch>
void find_characters(std::string_view text, const IsMatch& is_match, std::vector<TextRange>& matches) {
  for (size_t at = 0; at < text.size();) {
    const size_t length = utf8_length(text, at);
    if (is_match(utf8_character(text, at)))
      matches.push_back({static_cast<uint32_t>(at), static_cast<uint32_t>(at + length)});
    at += length;
  }
}

void find_literal(std::string_view text, std::string_view literal, std::vector<TextRange>& matches) {
  if (literal.empty()) return;
  for (size_t at = text.find(literal); at != std::string_view::npos; at = text.find(literal, at + literal.size()))
    matches.push_back({static_cast<uint32_t>(at), static_cast<uint32_t>(at + literal.size())});
}

}  // namespace

std::optional<Behavior> behavior_of(const std::string& name) {
  static const std::map<std::string, Behavior> names = {{"Removed", Behavior::removed},
                                                        {"Isolated", Behavior::isolated},
                                                        {"MergedWithPrevious", Behavior::merged_with_previous},
                                                        {"MergedWithNext", Behavior::merged_with_next},
                                                        {"Contiguous", Behavior::contiguous}};
  const auto place = names.find(name);
  return place == names.end() ? std::nullopt : std::optional(place->second);
}

PreTokenizer split_at_expression(const std::string& expression, Behavior behavior, bool invert,
                                 const std::string& file) {
  auto pattern = std::make_shared<const WordPattern>(expression, file);
  return [=](Pieces& pieces) {
    cut(pieces, behavior, invert,
        [&](std::string_view text, std::vector<TextRange>& matches) { pattern->find(text, matches); });
  };
}

PreTokenizer split_at_literal(std::string literal, Behavior behavior, bool invert) {
  return [=, literal = std::move(literal)](Pieces& pieces) {
    cut(pieces, behavior, invert,
        [&](std::string_view text, std::vector<TextRange>& matches) { find_literal(text, literal, matches); });
  };
}

PreTokenizer split_at_characters(bool (*is_match)(char32_t), Behavior behavior) {
  return [=](Pieces& pieces) {
    cut(pieces, behavior, false,
        [&](std::string_view text, std::vector<TextRange>& matches) { find_characters(text, is_match, matches); });
  };
}

PreTokenizer split_at_character(char32_t character, Behavior behavior) {
  std::string literal;
  append_utf8(literal, character);
  return split_at_literal(std::move(literal), behavior, false);
}

PreTokenizer white_space_and_words() {
  return [](Pieces& pieces) {
    cut(pieces, Behavior::removed, true, [](std::string_view text, std::vector<TextRange>& matches) {
      int before = 0;  // 0 space, 1 word, 2 other
      for (size_t at = 0; at < text.size();) {
        const auto end = static_cast<uint32_t>(at + utf8_length(text, at));
        const char32_t character = utf8_character(text, at);
        const int kind = is_white_space(character) ? 0 : is_word(character) ? 1 : 2;
        if (kind && kind == before)
          matches.back().end = end;
        else if (kind)
          matches.push_back({static_cast<uint32_t>(at), end});
        before = kind;
        at = end;
      }
    });
  };
}

PreTokenizer fixed_length(size_t characters) {
  return [=](Pieces& pieces) {
    cut(pieces, Behavior::isolated, false, [=](std::string_view text, std::vector<TextRange>& matches) {
      size_t count = 0;
      for (size_t at = 0; at < text.size(); ++count) {
        const auto end = static_cast<uint32_t>(at + utf8_length(text, at));
        if (count % characters == 0) matches.push_back({static_cast<uint32_t>(at), end});
        matches.back().end = end;
        at = end;
      }
    });
  };
}

PreTokenizer prefix_space() {
  return [](Pieces& pieces) {
    const bool needed = std::any_of(pieces.ranges.begin(), pieces.ranges.end(),
                                    [&](TextRange piece) { return !pieces.bytes(piece).starts_with(' '); });
    if (!needed) return;
    pieces.rewrite([&](TextRange piece, Rewriter& to) {
      if (!pieces.bytes(piece).starts_with(' ')) to.put(" ", piece.begin);
      to.keep(piece.begin, piece.end);
    });
  };
}

PreTokenizer spell_pieces_bytes() {
  return [](Pieces& pieces) {
    pieces.rewrite([&](TextRange piece, Rewriter& to) {
      for (uint32_t at = piece.begin; at < piece.end; ++at)
        to.put(spelling_of_byte(static_cast<uint8_t>(pieces.text().text()[at])), at);
    });
  };
}

PreTokenizer metaspace(std::string replacement, PrependScheme scheme, bool split) {
  return [=, replacement = std::move(replacement)](Pieces& pieces) {
    pieces.rewrite([&](TextRange piece, Rewriter& to) {
      const std::string_view text = pieces.bytes(piece);
      const bool wanted =
          scheme == PrependScheme::always || (scheme == PrependScheme::first && pieces.begins_text(piece));
      if (wanted && !text.starts_with(replacement) && !text.starts_with(' ')) to.put(replacement, piece.begin);
      uint32_t kept = piece.begin;
      for (uint32_t at = piece.begin; at < piece.end; ++at)
        if (pieces.text().text()[at] == ' ') {
          to.keep(kept, at);
          to.put(replacement, at);
          kept = at + 1;
        }
      to.keep(kept, piece.end);
    });
    if (!split) return;
    cut(pieces, Behavior::merged_with_next, false,
        [&](std::string_view text, std::vector<TextRange>& matches) { find_literal(text, replacement, matches); });
  };
}

}  // namespace stemma
