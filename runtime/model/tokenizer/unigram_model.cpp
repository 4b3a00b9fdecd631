#include "runtime/model/tokenizer/unigram_model.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <unordered_map>

#include "runtime/model/tokenizer/byte_alphabet.h"
#include "runtime/model/utf8.h"

namespace stemma {

namespace {

constexpr double unknown_penalty = 10;

// Tokens by their bytes, one node a byte; edges in one hash table.
class Trie {
 public:
  explicit Trie(size_t bytes) { edges_.reserve(bytes); }

  void add(std::string_view token, int32_t id) {
    uint32_t node = 0;
    for (char c : token) {
      const auto [place, fresh] = edges_.emplace(edge(node, c), static_cast<uint32_t>(ids_.size()));
      if (fresh) ids_.push_back(-1);
      node = place->second;
    }
    ids_[node] = id;
  }
  // Calls found(length, id) for every token that `text` begins with, the shortest first.
  template <typename Found>
  void find(std::string_view text, const Found& found) const {
    uint32_t node = 0;
    for (size_t i = 0; i < text.size(); ++i) {
      const auto place = edges_.find(edge(node, text[i]));
      if (place == edges_.end()) return;
      node = place->second;
      if (ids_[node] >= 0) found(i + 1, ids_[node]);
    }
  }

 private:
  static uint64_t edge(uint32_t node, char c) { return (uint64_t{node} << 8) | static_cast<uint8_t>(c); }
  std::unordered_map<uint64_t, uint32_t> edges_;
  std::vector<int32_t> ids_ = {-1};
};

class Unigram : public WordModel {
 public:
  Unigram(const Vocabulary& vocabulary, UnigramPlan plan)
      : plan_(std::move(plan)), trie_(static_cast<size_t>(vocabulary.size()) * 4), vocabulary_(vocabulary) {
    const double highest = highest_score();
    for (int32_t id = 0; id < vocabulary.size(); ++id) {
      if (!vocabulary.has(id) || vocabulary.spelling(id).empty()) continue;
      if (is_hidden(id)) continue;
      if (is_user_defined(id)) {  // worth all that its characters could be
        double& score = plan_.scores[static_cast<size_t>(id)];
        score = static_cast<float>(static_cast<float>(characters(vocabulary.spelling(id)) * highest) - 0.1);
        trie_.add(vocabulary.spelling(id), id);
        continue;
      }
      lowest_ = std::min(lowest_, plan_.scores[static_cast<size_t>(id)]);
      trie_.add(vocabulary.spelling(id), id);
    }
    unknown_score_ = lowest_ - unknown_penalty;
    if (plan_.sums_floats) unknown_score_ = static_cast<float>(unknown_score_);
    for (int byte = 0; byte < 256; ++byte)
      bytes_[byte] = plan_.falls_back_to_bytes ? vocabulary.find(token_of_byte(static_cast<uint8_t>(byte))) : -1;
  }

  const char* kind() const override { return plan_.falls_back_to_bytes ? "unigram with byte fallback" : "unigram"; }
  void encode(std::string_view word, std::vector<TokenSpan>& spans) const override {
    struct Node {
      double score = 0;
      size_t begin = none;  // of the best token that ends here
      int32_t id = -1;
    };
    std::vector<Node> ends(word.size() + 1);
    for (size_t at = 0; at < word.size();) {
      const size_t length = std::max<size_t>(utf8_length(word, at), 1);
      const double score = ends[at].score;
      bool single = false;
      auto reach = [&](size_t size, int32_t id, double gain) {
        Node& node = ends[at + size];
        const double sum = plan_.sums_floats ? static_cast<float>(score + gain) : score + gain;
        if (node.begin == none || sum > node.score) node = {sum, at, id};
      };
      trie_.find(word.substr(at), [&](size_t size, int32_t id) {
        reach(size, id, plan_.scores[static_cast<size_t>(id)]);
        single |= size == length;
      });
      if (!single) reach(length, unknown, unknown_score_);
      at += length;
    }
    std::vector<TokenSpan> backward;
    for (size_t end = word.size(); end > 0; end = ends[end].begin) {
      const Node& node = ends[end];
      const auto size = static_cast<uint32_t>(end - node.begin);
      const bool is_unknown = node.id == unknown || node.id == plan_.unknown;
      if (is_unknown && !backward.empty() && backward.back().id == unknown)
        backward.back().bytes += size;
      else
        backward.push_back({is_unknown ? unknown : node.id, size});
    }
    size_t at = 0;
    for (auto span = backward.rbegin(); span != backward.rend(); ++span) {
      put(word.substr(at, span->bytes), *span, spans);
      at += span->bytes;
    }
  }

 private:
  static constexpr size_t none = ~size_t{0};
  static constexpr int32_t unknown = -1;

  bool is_hidden(int32_t id) const { return !plan_.hidden.empty() && plan_.hidden[static_cast<size_t>(id)]; }

  bool is_user_defined(int32_t id) const {
    return !plan_.user_defined.empty() && plan_.user_defined[static_cast<size_t>(id)];
  }
  double highest_score() const {
    double highest = -std::numeric_limits<double>::infinity();
    for (int32_t id = 0; id < vocabulary_.size(); ++id)
      if (!is_hidden(id) && !is_user_defined(id)) highest = std::max(highest, plan_.scores[static_cast<size_t>(id)]);
    return highest;
  }
  static size_t characters(std::string_view text) {
    return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
  }

  void put(std::string_view text, TokenSpan span, std::vector<TokenSpan>& spans) const {
    if (span.id != unknown) return spans.push_back(span);
    const int32_t known = vocabulary_.find(text);  // unknown characters side by side may be a token
    const bool have_bytes =
        std::all_of(text.begin(), text.end(), [&](char c) { return bytes_[static_cast<uint8_t>(c)] >= 0; });
    if (known >= 0 && !is_hidden(known))
      spans.push_back({known, span.bytes});
    else if (have_bytes)
      for (char c : text) spans.push_back({bytes_[static_cast<uint8_t>(c)], 1});
    else
      spans.push_back({plan_.unknown, span.bytes});
  }

  UnigramPlan plan_;
  Trie trie_;
  const Vocabulary& vocabulary_;
  double lowest_ = std::numeric_limits<double>::infinity(), unknown_score_ = 0;
  std::array<int32_t, 256> bytes_{};
};

}  // namespace

std::unique_ptr<const WordModel> unigram_model(const Vocabulary& vocabulary, UnigramPlan plan) {
  return std::make_unique<Unigram>(vocabulary, std::move(plan));
}

}  // namespace stemma
