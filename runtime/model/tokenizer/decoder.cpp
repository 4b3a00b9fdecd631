#include "runtime/model/tokenizer/decoder.h"

#include <algorithm>
#include <array>

#include "runtime/model/tokenizer/byte_alphabet.h"
#include "runtime/model/tokenizer/normalizers.h"

namespace stemma {

namespace {

void replace_all(std::string& text, std::string_view pattern, std::string_view content) {
  if (pattern.empty()) return;
  std::string to;
  size_t kept = 0;
  for (size_t at = text.find(pattern); at != std::string::npos; at = text.find(pattern, kept)) {
    to.append(text, kept, at - kept).append(content);
    kept = at + pattern.size();
  }
  if (kept) text = to.append(text, kept);
}

void clean_up(std::string& text) {
  using Pair = std::pair<const char*, const char*>;
  constexpr std::array<Pair, 11> pairs = {Pair{" .", "."}, {" ?", "?"},     {" !", "!"},    {" ,", ","},
                                          {" ' ", "'"},    {" n't", "n't"}, {" 'm", "'m"},  {" do not", " don't"},
                                          {" 's", "'s"},   {" 've", "'ve"}, {" 're", "'re"}};
  for (const auto& [from, to] : pairs) replace_all(text, from, to);
}

}  // namespace

DecoderStep decode_spelled_bytes() {
  return {[](std::string& text, bool, bool) { text = bytes_of_spelling(text); }, true};
}

DecoderStep decode_byte_tokens() {
  return {[](std::string& text, bool, bool) {
    if (const auto byte = byte_of_token(text)) text = static_cast<char>(*byte);
  }};
}

DecoderStep decode_replace(std::string pattern, std::string content) {
  return {[=](std::string& text, bool, bool) { replace_all(text, pattern, content); }};
}

DecoderStep decode_replace_expression(const std::string& expression, std::string content, const std::string& file) {
  return {[replace = replace_expression(expression, std::move(content), file)](std::string& text, bool, bool) {
    NormalText replaced{text, false};
    replace(replaced);
    if (replaced.written) text = std::move(*replaced.written);
  }};
}

DecoderStep decode_strip(std::string character, size_t start, size_t stop) {
  return {[=](std::string& text, bool, bool) {
    if (character.empty()) return;
    for (size_t i = 0; i < start && text.starts_with(character); ++i) text.erase(0, character.size());
    for (size_t i = 0; i < stop && text.ends_with(character); ++i) text.resize(text.size() - character.size());
  }};
}

DecoderStep decode_metaspace(std::string replacement, bool drops_first) {
  return {[=](std::string& text, bool first, bool) { replace_all(text, replacement, first && drops_first ? "" : " "); },
          false, drops_first};
}

DecoderStep decode_word_piece(std::string prefix, bool cleans_up) {
  return {[=](std::string& text, bool first, bool) {
            if (!first && text.starts_with(prefix))
              text.erase(0, prefix.size());
            else if (!first)
              text.insert(0, " ");
            if (cleans_up) clean_up(text);
          },
          false, true};
}

DecoderStep decode_clean_up() {
  return {[](std::string& text, bool, bool) {
    for (const char* spaced : {" .", " ?", " !", " ,"}) replace_all(text, spaced, spaced + 1);
    replace_all(text, " ' ", "'");
    for (const char* spaced : {" n't", " 'm", " 's", " 've", " 're"}) replace_all(text, spaced, spaced + 1);
  }};
}

DecoderStep decode_word_ends(std::string suffix) {
  return {[=](std::string& text, bool, bool last) { replace_all(text, suffix, last ? "" : " "); }, false, true};
}

std::string Decoder::token(std::string spelling, bool added, bool first, bool last) const {
  for (const DecoderStep& step : each)
    if (!added || !step.of_spelled_bytes) step.rewrite(spelling, first, last);
  if (spaces_between && !first) spelling.insert(0, " ");
  return spelling;
}

std::string Decoder::text(std::string joined) const {
  for (const DecoderStep& step : whole) step.rewrite(joined, true, true);
  return joined;
}

bool Decoder::positional() const {
  return spaces_between || std::any_of(each.begin(), each.end(), [](const DecoderStep& s) { return s.positional; });
}

}  // namespace stemma
