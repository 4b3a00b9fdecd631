#include "runtime/model/tokenizer/added_tokens.h"

#include <algorithm>
#include <cstring>

#include "runtime/model/tokenizer/characters.h"
#include "runtime/model/utf8.h"

namespace stemma {

namespace {

uint8_t first_byte(std::string_view text) { return static_cast<uint8_t>(text.front()); }
size_t pair_of(char first, char second) { return static_cast<uint8_t>(first) << 8 | static_cast<uint8_t>(second); }

bool space_at(std::string_view text, size_t at) {
  return utf8_length(text, at) && is_white_space(utf8_character(text, at));
}

size_t character_before(std::string_view text, size_t at) {
  size_t before = at - 1;
  while (before > 0 && at - before < 4 && (static_cast<uint8_t>(text[before]) & 0xC0) == 0x80) --before;
  return before + utf8_length(text, before) == at ? before : at - 1;
}

size_t strip_left(std::string_view text, size_t from) {
  while (from > 0 && space_at(text, character_before(text, from))) from = character_before(text, from);
  return from;
}

bool word_at(std::string_view text, size_t at) { return utf8_length(text, at) && is_word(utf8_character(text, at)); }

bool stands_alone(std::string_view text, size_t begin, size_t end) {
  return (begin == 0 || !word_at(text, character_before(text, begin))) && !word_at(text, end);
}

}  // namespace

AddedTokens::AddedTokens(std::vector<AddedToken> tokens) : tokens_(std::move(tokens)) {
  std::stable_sort(tokens_.begin(), tokens_.end(), [](const AddedToken& a, const AddedToken& b) {
    const uint8_t x = first_byte(a.content), y = first_byte(b.content);
    return x != y ? x < y : a.content.size() > b.content.size();
  });
  for (uint32_t i = 0; i < tokens_.size(); ++i) {
    auto& [begin, end] = range_[first_byte(tokens_[i].content)];
    if (begin == end) begin = i;
    end = i + 1;
  }
  for (const AddedToken& token : tokens_) {
    const bool single = token.content.size() == 1;
    for (int second = 0; second < 256; ++second)
      if (const auto byte = static_cast<char>(second); single || byte == token.content[1])
        if (const size_t pair = pair_of(token.content[0], byte); !begin_[pair]) {
          begin_[pair] = true;
          beginnings_.push_back({token.content[0], byte});
        }
  }
  constexpr size_t most_beginnings = 4;
  if (beginnings_.size() > most_beginnings) beginnings_.clear();
}

// The first place from `at` on where a token may begin.
size_t AddedTokens::next(std::string_view text, size_t at) const {
  using Bytes __attribute__((vector_size(16))) = char;
  for (Bytes here, after; !beginnings_.empty() && at + sizeof here < text.size(); at += sizeof here) {
    std::memcpy(&here, text.data() + at, sizeof here);
    std::memcpy(&after, text.data() + at + 1, sizeof after);
    Bytes found{};
    for (const auto& [first, second] : beginnings_) found |= (here == first) & (after == second);
    uint64_t halves[2];
    std::memcpy(halves, &found, sizeof halves);
    if (halves[0] | halves[1]) break;
  }
  while (at + 1 < text.size() && !begin_[pair_of(text[at], text[at + 1])]) ++at;
  return at;
}

const AddedToken* AddedTokens::at(std::string_view text) const {
  const auto [from, to] = range_[first_byte(text)];
  for (uint32_t i = from; i < to; ++i)
    if (text.starts_with(tokens_[i].content)) return &tokens_[i];
  return nullptr;
}

std::vector<AddedTokens::Piece> AddedTokens::find(std::string_view text) const {
  std::vector<Piece> pieces;
  size_t begin = 0;
  for (size_t at = tokens_.empty() ? text.size() : next(text, 0); at < text.size(); at = next(text, at)) {
    const AddedToken* token = this->at(text.substr(at));
    if (!token) {
      ++at;
      continue;
    }
    const size_t end = at + token->content.size();
    if (token->single_word && !stands_alone(text, at, end)) {
      at = end;
      continue;
    }
    // After a token that took the space beside it, what that space holds is found again: so does the crate.
    const size_t left = token->strips_left ? std::max(strip_left(text, at), begin) : at;
    size_t right = std::max(end, left);
    while (token->strips_right && space_at(text, right)) right += utf8_length(text, right);
    if (left > begin) pieces.push_back({begin, left, -1});
    if (right > left) pieces.push_back({left, right, token->id});
    begin = right;
    at = end;
  }
  if (begin < text.size()) pieces.push_back({begin, text.size(), -1});
  return pieces;
}

}  // namespace stemma
