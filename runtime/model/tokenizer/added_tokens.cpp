#include "runtime/model/tokenizer/added_tokens.h"

#include <algorithm>

#include "runtime/model/tokenizer/characters.h"
#include "runtime/model/utf8.h"

namespace stemma {

namespace {

uint8_t first_byte(std::string_view text) { return static_cast<uint8_t>(text.front()); }

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
    begins_[first_byte(tokens_[i].content)] = true;
  }
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
  for (size_t at = 0; at < text.size() && !tokens_.empty();) {
    if (!begins_token(text[at])) {
      ++at;
      continue;
    }
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
