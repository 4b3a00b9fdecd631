// Text to token ids and back, as the crate `tokenizers`, tiktoken and SentencePiece would have it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace stemma {

class Tokenizer {
 public:
  // `path` is a file (tokenizer.json, tekken.json, SentencePiece's or tiktoken's tokenizer.model, *.tiktoken, vocab.json or
  // merges.txt with the other beside it, *.gguf) or a folder that holds one. Throws Error naming what is missing,
  // broken or not supported.
  explicit Tokenizer(const std::filesystem::path& path);
  // From the bytes of such a file and of tokenizer_config.json (empty: none); `file` is for messages. `merges` is
  // merges.txt where the first is vocab.json.
  Tokenizer(std::string_view bytes, std::string_view config, const std::string& file, std::string_view merges = {});
  ~Tokenizer();

  // Ids of `text`; special and added tokens in it are recognised. `offsets` (n+1), if asked for: byte offsets in
  // `text`. bos is not added. What is not UTF-8 is encoded byte by byte. Safe to call from several threads.
  std::vector<int32_t> encode(std::string_view text, std::vector<uint32_t>* offsets = nullptr) const;
  // `ids` with what the post-processor puts around a text (bos, eos, [CLS] ...).
  std::vector<int32_t> with_special(std::vector<int32_t> ids) const;
  // The bytes of one token amid a text; special tokens as they are written.
  const std::string& bytes(int32_t id) const;
  std::string decode(const std::vector<int32_t>& ids) const;
  int32_t id(std::string_view token) const;  // of an added token's text; -1
  bool special(int32_t id) const;
  int32_t size() const;
  bool adds_bos() const;  // the post-processor or the tokenizer_config puts bos first
  int32_t bos() const;    // -1: none
  int32_t eos() const;    // -1: none
  const std::string& hash() const;
  const char* kind() const;  // "byte-level BPE"

 private:
  struct Tables;
  std::unique_ptr<const Tables> tables_;
};

}  // namespace stemma
