#include "runtime/model/added_tokens.h"

#include <algorithm>

#include "runtime/model/utf8.h"

namespace stemma {

namespace {

uint8_t first_byte(std::string_view text) { return static_cast<uint8_t>(text.front()); }

bool space_at(std::string_view text, size_t at) {
  return utf8_length(text, at) && is_white_space(utf8_character(text, at));
}

size_t strip_left(std::string_view text, size_t from, size_t least) {
  while (from > least) {
    size_t before = from - 1;
    while (before > least && (static_cast<uint8_t>(text[before]) & 0xC0) == 0x80) --before;
    if (!space_at(text, before) || before + utf8_length(text, before) != from) break;
    from = before;
  }
  return from;
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
}

std::vector<AddedTokens::Piece> AddedTokens::find(std::string_view text) const {
  std::vector<Piece> pieces;
  size_t begin = 0;
  for (size_t at = 0; at < text.size() && !tokens_.empty();) {
    const auto [from, to] = range_[static_cast<uint8_t>(text[at])];
    const auto token = std::find_if(tokens_.begin() + from, tokens_.begin() + to, [&](const AddedToken& candidate) {
      return text.substr(at).starts_with(candidate.content);
    });
    if (token == tokens_.begin() + to) {
      ++at;
      continue;
    }
    const size_t left = token->strips_left ? strip_left(text, at, begin) : at;
    size_t right = at + token->content.size();
    while (token->strips_right && space_at(text, right)) right += utf8_length(text, right);
    if (left > begin) pieces.push_back({begin, left, -1});
    pieces.push_back({left, right, token->id});
    begin = at = right;
  }
  if (begin < text.size()) pieces.push_back({begin, text.size(), -1});
  return pieces;
}

}  // namespace stemma
