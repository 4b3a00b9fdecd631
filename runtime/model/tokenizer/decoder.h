// The steps of a tokenizer.json's "decoder": from the spellings of tokens to text. What is not UTF-8 stays as bytes.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace stemma {

struct DecoderStep {
  std::function<void(std::string& text, bool first, bool last)> rewrite;
  bool of_spelled_bytes = false;  // does not touch added tokens, which are spelled as they are
  bool positional = false;        // the first or last token becomes something else than the others
};

DecoderStep decode_spelled_bytes();
DecoderStep decode_byte_tokens();  // <0xNN>
DecoderStep decode_replace(std::string pattern, std::string content);
// Throws Error where the expression is broken; `file` is for messages.
DecoderStep decode_replace_expression(const std::string& expression, std::string content, const std::string& file);
DecoderStep decode_strip(std::string character, size_t start, size_t stop);
DecoderStep decode_metaspace(std::string replacement, bool drops_first);
DecoderStep decode_word_piece(std::string prefix, bool cleans_up);
DecoderStep decode_clean_up();                     // as transformers does: no space before what closes or contracts
DecoderStep decode_word_ends(std::string suffix);  // a space for each but the last

struct Decoder {
  std::vector<DecoderStep> each, whole;  // for tokens one by one, then for their text together
  bool spaces_between = false;           // without any decoder, between tokens

  std::string token(std::string spelling, bool added, bool first, bool last) const;
  std::string text(std::string joined) const;
  bool positional() const;
};

}  // namespace stemma
