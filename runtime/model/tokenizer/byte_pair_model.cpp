#include "runtime/model/tokenizer/byte_pair_model.h"

#include <algorithm>

#include "runtime/model/tokenizer/byte_alphabet.h"
#include "runtime/model/utf8.h"

namespace stemma {

namespace {

using Words = std::unordered_map<std::string, int32_t>;

// A word's symbols while they are made; kept by each thread for the next word.
std::vector<TokenSpan>& scratch() {
  thread_local std::vector<TokenSpan> symbols;
  symbols.clear();
  return symbols;
}

// What no token stands for (-1) is not there to the merges: past the beginning, the symbol before it takes its bytes.
void put(TokenSpan symbol, std::vector<TokenSpan>& symbols) {
  if (symbol.id < 0 && !symbols.empty())
    symbols.back().bytes += symbol.bytes;
  else
    symbols.push_back(symbol);
}

void finish(const BytePairs& pairs, std::vector<TokenSpan>& symbols, std::vector<TokenSpan>& spans) {
  pairs.merge(symbols);
  spans.insert(spans.end(), symbols.begin(), symbols.end());
}

class OfBytes : public WordModel {
 public:
  OfBytes(const Vocabulary& vocabulary, const BytePairPlan& plan) : pairs_(plan.merges) {
    for (int byte = 0; byte < 256; ++byte) ids_[byte] = vocabulary.find(spelling_of_byte(static_cast<uint8_t>(byte)));
    if (!plan.unknown.empty()) unknown_ = vocabulary.find(plan.unknown);
    fuses_ = plan.fuses_unknown;
    if (!plan.ignores_merges) return;
    for (int32_t id = 0; id < vocabulary.size(); ++id)
      if (auto bytes = vocabulary.has(id) ? exact_bytes_of_spelling(vocabulary.spelling(id)) : std::nullopt)
        words_.emplace(std::move(*bytes), id);
  }

  const char* kind() const override { return "byte-level BPE"; }
  void encode(std::string_view word, std::vector<TokenSpan>& spans) const override {
    if (!words_.empty())
      if (const auto whole = words_.find(std::string(word)); whole != words_.end()) {
        spans.push_back({whole->second, static_cast<uint32_t>(word.size())});
        return;
      }
    auto& symbols = scratch();
    for (char c : word) {
      const int32_t known = ids_[static_cast<uint8_t>(c)], id = known >= 0 ? known : unknown_;
      if (known < 0 && fuses_ && !symbols.empty() && symbols.back().id == id)
        ++symbols.back().bytes;
      else
        put({id, 1}, symbols);
    }
    finish(pairs_, symbols, spans);
  }

 private:
  BytePairs pairs_;
  std::array<int32_t, 256> ids_{};
  int32_t unknown_ = -1;
  bool fuses_ = false;
  Words words_;
};

class OfCharacters : public WordModel {
 public:
  OfCharacters(const Vocabulary& vocabulary, const BytePairPlan& plan)
      : vocabulary_(vocabulary), plan_(plan), pairs_(plan.merges) {
    if (!plan.unknown.empty()) unknown_ = vocabulary.find(plan.unknown);
    for (int byte = 0; byte < 256; ++byte)
      bytes_[byte] = plan.falls_back_to_bytes ? vocabulary.find(token_of_byte(static_cast<uint8_t>(byte))) : -1;
    plan_.merges.clear();
  }

  const char* kind() const override { return plan_.falls_back_to_bytes ? "BPE with byte fallback" : "BPE"; }
  void encode(std::string_view word, std::vector<TokenSpan>& spans) const override {
    if (plan_.ignores_merges)
      if (const int32_t whole = vocabulary_.find(word); whole >= 0) {
        spans.push_back({whole, static_cast<uint32_t>(word.size())});
        return;
      }
    auto& symbols = scratch();
    std::string affixed;
    TokenSpan unknown{unknown_, 0};  // not yet among the symbols
    auto flush = [&] {
      if (unknown.bytes) put(unknown, symbols);
      unknown.bytes = 0;
    };
    for (size_t at = 0; at < word.size();) {
      const size_t length = std::max<size_t>(utf8_length(word, at), 1);
      std::string_view symbol = word.substr(at, length);
      const bool continues = at > 0 && !plan_.continuing.empty();
      at += length;
      if (continues || (at == word.size() && !plan_.end_of_word.empty())) {
        affixed = continues ? plan_.continuing : "";
        affixed += symbol;
        if (at == word.size()) affixed += plan_.end_of_word;
        symbol = affixed;
      }
      if (const int32_t known = vocabulary_.find(symbol); known >= 0) {
        flush();
        put({known, static_cast<uint32_t>(length)}, symbols);
      } else if (plan_.falls_back_to_bytes && have_bytes(symbol)) {
        flush();
        for (size_t i = 0; i < symbol.size(); ++i)  // an affix has bytes, but no place in the text
          put({bytes_[static_cast<uint8_t>(symbol[i])], i < length ? 1u : 0u}, symbols);
      } else {
        if (!plan_.fuses_unknown && unknown_ >= 0) flush();
        unknown.bytes += static_cast<uint32_t>(length);
      }
    }
    flush();
    finish(pairs_, symbols, spans);
  }

 private:
  bool have_bytes(std::string_view symbol) const {
    return std::all_of(symbol.begin(), symbol.end(), [&](char c) { return bytes_[static_cast<uint8_t>(c)] >= 0; });
  }

  const Vocabulary& vocabulary_;
  BytePairPlan plan_;
  BytePairs pairs_;
  int32_t unknown_ = -1;
  std::array<int32_t, 256> bytes_{};
};

}  // namespace

std::unique_ptr<const WordModel> byte_pair_model(const Vocabulary& vocabulary, const BytePairPlan& plan,
                                                 bool of_bytes) {
  if (of_bytes) return std::make_unique<OfBytes>(vocabulary, plan);
  return std::make_unique<OfCharacters>(vocabulary, plan);
}

}  // namespace stemma
