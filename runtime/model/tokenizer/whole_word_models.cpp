#include "runtime/model/tokenizer/whole_word_models.h"

#include <algorithm>

#include "runtime/model/tokenizer/byte_alphabet.h"
#include "runtime/model/utf8.h"

namespace stemma {

namespace {

class WordPiece : public WordModel {
 public:
  WordPiece(const Vocabulary& vocabulary, std::string continuing, size_t longest, int32_t unknown)
      : vocabulary_(vocabulary), continuing_(std::move(continuing)), longest_(longest), unknown_(unknown) {
    for (int32_t id = 0; id < vocabulary.size(); ++id)
      if (vocabulary.has(id)) longest_token_ = std::max(longest_token_, vocabulary.spelling(id).size());
  }

  const char* kind() const override { return "WordPiece"; }
  void encode(std::string_view word, std::vector<TokenSpan>& spans) const override {
    size_t characters = 0;
    for (size_t at = 0; at < word.size(); ++characters) at += std::max<size_t>(utf8_length(word, at), 1);
    const size_t before = spans.size();
    for (size_t at = 0; characters <= longest_ && at < word.size();) {
      std::string part = at ? continuing_ : "";
      const size_t prefix = part.size();
      part += word.substr(at, longest_token_);
      int32_t id = -1;
      while (part.size() > prefix && (id = vocabulary_.find(part)) < 0) part.pop_back();
      if (id < 0) break;
      spans.push_back({id, static_cast<uint32_t>(part.size() - prefix)});
      at += part.size() - prefix;
      if (at == word.size()) return;
    }
    spans.resize(before);
    spans.push_back({unknown_, static_cast<uint32_t>(word.size())});
  }

 private:
  const Vocabulary& vocabulary_;
  std::string continuing_;
  size_t longest_, longest_token_ = 0;
  int32_t unknown_;
};

class WordLevel : public WordModel {
 public:
  WordLevel(const Vocabulary& vocabulary, int32_t unknown) : vocabulary_(vocabulary), unknown_(unknown) {}

  const char* kind() const override { return "whole words"; }
  void encode(std::string_view word, std::vector<TokenSpan>& spans) const override {
    const int32_t id = vocabulary_.find(word);
    spans.push_back({id >= 0 ? id : unknown_, static_cast<uint32_t>(word.size())});
  }

 private:
  const Vocabulary& vocabulary_;
  int32_t unknown_;
};

class SpacedWords : public WordModel {
 public:
  SpacedWords(const Vocabulary& vocabulary, int32_t unknown, bool falls_back)
      : vocabulary_(vocabulary), unknown_(unknown), falls_back_(falls_back) {}

  const char* kind() const override { return "whole words"; }
  void encode(std::string_view text, std::vector<TokenSpan>& spans) const override {
    bool follows_unknown = false;
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find(underscore, at + 1), text.size());
      const std::string_view word = text.substr(at, end - at);
      at = end;
      const int32_t id = vocabulary_.find(word);
      const bool is_unknown = id < 0 || id == unknown_;
      if (is_unknown && falls_back_)
        for (char byte : word) spans.push_back({vocabulary_.find(token_of_byte(static_cast<uint8_t>(byte))), 1});
      else if (is_unknown && follows_unknown)
        spans.back().bytes += static_cast<uint32_t>(word.size());
      else
        spans.push_back({is_unknown ? unknown_ : id, static_cast<uint32_t>(word.size())});
      follows_unknown = is_unknown;
    }
  }

 private:
  const Vocabulary& vocabulary_;
  int32_t unknown_;
  bool falls_back_;
};

}  // namespace

std::unique_ptr<const WordModel> spaced_words_model(const Vocabulary& vocabulary, int32_t unknown,
                                                    bool falls_back_to_bytes) {
  return std::make_unique<SpacedWords>(vocabulary, unknown, falls_back_to_bytes);
}

std::unique_ptr<const WordModel> word_piece_model(const Vocabulary& vocabulary, std::string continuing, size_t longest,
                                                  int32_t unknown) {
  return std::make_unique<WordPiece>(vocabulary, std::move(continuing), longest, unknown);
}

std::unique_ptr<const WordModel> word_level_model(const Vocabulary& vocabulary, int32_t unknown) {
  return std::make_unique<WordLevel>(vocabulary, unknown);
}

}  // namespace stemma
