// tokenizer.json (and tokenizer_config.json beside it) as plain tables, checked.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace stemma {

struct AddedToken {
  int32_t id = -1;
  std::string content;
  bool special = false;
  bool normalized = false;                         // looked for in the normalised text, not in the original
  bool strips_left = false, strips_right = false;  // takes the white space beside it
};

struct Merge {
  int32_t left, right, result;
};

struct TokenizerFile {
  // What merging begins with: the bytes of each word of a pattern (GPT-2 and after), or the characters of the whole
  // text, unknown ones as <0xNN> bytes (Llama 2, after SentencePiece).
  enum class Symbols { bytes, characters };
  Symbols symbols = Symbols::bytes;

  std::vector<std::string> bytes;                   // by id; empty where no token has it
  std::unordered_map<std::string, int32_t> tokens;  // the model's own by their bytes, without <0xNN> ones
  std::vector<Merge> merges;                        // in the order of their rank
  std::array<int32_t, 256> byte_ids{};              // the token of each single byte, -1
  std::vector<AddedToken> added;
  std::vector<std::string> patterns;  // split by each in turn
  int32_t unknown = -1;
  bool composes = false;            // NFC
  bool prefix_space = false;        // a space before a text that has none
  bool prepends_space = false;      // a space before every text
  bool strips_first_space = false;  // of decoded text
  bool ignores_merges = false;      // a word that is a token is that token
  int32_t bos = -1, eos = -1;
  bool adds_bos = false;
};

// `config` is tokenizer_config.json's text, empty where there is none; `file` is tokenizer.json's path, for messages.
// Throws Error naming what is broken or not supported.
TokenizerFile parse_tokenizer(std::string_view text, std::string_view config, const std::string& file);

}  // namespace stemma
