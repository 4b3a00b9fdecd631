#include "runtime/model/tokenizer.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <span>

#include "runtime/error.h"
#include "runtime/model/tokenizer/open_source.h"
#include "runtime/model/tokenizer/word_cache.h"
#include "runtime/model/utf8.h"

namespace stemma {

namespace {

constexpr size_t longest_text = UINT32_MAX / 2;

// A file's steps could each multiply a text; together they may do so a little.
void normalize(const TokenizerPlan& plan, NormalText& text) {
  constexpr size_t most_growth = 64, always_allowed = 1'000'000;
  const size_t most = text.text.size() * most_growth + always_allowed;
  for (const Normalizer& normalizer : plan.normalizers) {
    normalizer(text);
    if (text.text.size() > most)
      throw Error(ErrorCode::does_not_fit,
                  "the tokenizer's normalizers make this text many times as long; cut the text");
  }
}

// Of one kind, and as they read where they are looked for.
std::vector<AddedToken> added_of(const TokenizerPlan& plan, bool normalized) {
  std::vector<AddedToken> tokens;
  for (const AddedToken& token : plan.added) {
    if (token.normalized != normalized) continue;
    NormalText content{token.content, {}};
    if (normalized && !token.is_normal) normalize(plan, content);
    if (content.text.empty()) continue;
    tokens.push_back(token);
    tokens.back().content = content.text;
  }
  return tokens;
}

uint32_t next_number() {
  static std::atomic<uint32_t> last{0};
  return ++last;
}

// Ids and, where they are asked for, where each begins. Those of words come together in blocks.
class Output {
 public:
  Output(std::vector<int32_t>& to_ids, std::vector<uint32_t>* to_offsets) : ids(to_ids), offsets_(to_offsets) {}

  bool has_offsets() const { return offsets_; }
  void put(int32_t id, size_t begin) {
    flush();
    ids.push_back(id);
    if (offsets_) offsets_->push_back(static_cast<uint32_t>(begin));
  }
  void put(const WordCache::Entry& word, const NormalText& text, size_t at, size_t origin) {
    if (filled_ + word.ids.size() > block_.size()) flush();
    std::copy(word.ids.begin(), word.ids.end(), block_.begin() + static_cast<ptrdiff_t>(filled_));
    filled_ += word.count;
    if (!offsets_) return;
    for (size_t i = 0; i < word.count; at += word.bytes[i++])
      offsets_->push_back(static_cast<uint32_t>(origin + text.origin(at)));
  }
  void flush() {
    ids.insert(ids.end(), block_.begin(), block_.begin() + static_cast<ptrdiff_t>(filled_));
    filled_ = 0;
  }

  std::vector<int32_t>& ids;

 private:
  std::vector<uint32_t>* offsets_;
  std::array<int32_t, 512> block_;
  size_t filled_ = 0;
};

}  // namespace

struct Tokenizer::Tables {
  explicit Tables(OpenedTokenizer opened)
      : plan(std::move(opened.plan)),
        hash(std::move(opened.hash)),
        raw_added(added_of(plan, false)),
        normal_added(added_of(plan, true)),
        positional(plan.decoder.positional()) {
    int32_t size = plan.vocabulary->size();
    for (const AddedToken& token : plan.added) size = std::max(size, token.id + 1);
    bytes.resize(static_cast<size_t>(size));
    is_special.resize(bytes.size());
    is_added.resize(bytes.size());
    for (const AddedToken& token : plan.added) {
      const auto id = static_cast<size_t>(token.id);
      spellings_of_added.resize(bytes.size());
      spellings_of_added[id] = token.content;
      is_added[id] = true;
      is_special[id] = token.special;
    }
    for (int32_t id = 0; id < size; ++id) bytes[static_cast<size_t>(id)] = decoded(id, false, false);
  }

  std::string decoded(int32_t id, bool first, bool last) const {
    const bool added = is_added[static_cast<size_t>(id)];
    if (!added && !plan.vocabulary->has(id)) return "";
    const std::string& spelling = added ? spellings_of_added[static_cast<size_t>(id)] : plan.vocabulary->spelling(id);
    return plan.decoder.token(spelling, added, first, last);
  }

  // A stretch of normalised text without added tokens; `origin`: of its beginning in the user's text.
  void encode_text(NormalText text, size_t origin, Output& to) const {
    Pieces pieces(std::move(text), origin == 0);
    for (const PreTokenizer& step : plan.pre_tokenizers) step(pieces);
    to.ids.reserve(to.ids.size() + pieces.ranges.size());
    constexpr size_t batch = 64;  // words whose places are on their way from memory at once
    std::array<WordCache::Place, batch> places;
    WordCache& cache = WordCache::of_thread();
    for (std::span<const TextRange> rest = pieces.ranges; !rest.empty();) {
      const auto words = rest.first(std::min(rest.size(), batch));
      rest = rest.subspan(words.size());
      for (size_t i = 0; i < words.size(); ++i)
        places[i] = cache.place(pieces.text().text, words[i].begin, words[i].end - words[i].begin, number);
      for (size_t i = 0; i < words.size(); ++i) {
        const WordCache::Entry* entry = cache.find(places[i], number);
        if (!entry) entry = encode_word(pieces, words[i], places[i], origin, to);
        if (entry) to.put(*entry, pieces.text(), words[i].begin, origin);
      }
    }
    to.flush();
  }

  // Its place in the cache from now on, or nullptr and its tokens written.
  const WordCache::Entry* encode_word(const Pieces& pieces, TextRange word, const WordCache::Place& place,
                                      size_t origin, Output& to) const {
    thread_local std::vector<TokenSpan> spans;
    spans.clear();
    plan.model->encode(pieces.bytes(word), spans);
    if (const auto* entry = WordCache::of_thread().keep(place, number, spans)) return entry;
    uint32_t at = word.begin;
    for (const TokenSpan& span : spans) {
      if (span.id >= 0) to.put(span.id, origin + pieces.text().origin(at));
      at += span.bytes;
    }
    return nullptr;
  }

  void encode_raw(std::string_view stretch, size_t origin, Output& to) const {
    NormalText normal{std::string(stretch), {}, to.has_offsets() || plan.looks_at_origins};
    normalize(plan, normal);
    if (normal_added.empty()) return encode_text(std::move(normal), origin, to);
    for (const auto& piece : normal_added.find(normal.text)) {
      if (piece.id >= 0) {
        to.put(piece.id, origin + normal.origin(piece.begin));
        continue;
      }
      if (piece.begin == 0 && piece.end == normal.text.size()) return encode_text(std::move(normal), origin, to);
      Rewriter part(normal);
      part.keep(piece.begin, piece.end);
      NormalText text = part.finish(piece.end);
      const uint32_t base = text.origin(0);
      for (uint32_t& place : text.origins) place -= base;
      encode_text(std::move(text), origin + base, to);
    }
  }

  const TokenizerPlan plan;
  const std::string hash;
  const AddedTokens raw_added, normal_added;
  const bool positional;  // the first or last of decoded tokens is another than amid a text
  const uint32_t number = next_number();
  std::vector<std::string> bytes, spellings_of_added;
  std::vector<bool> is_special, is_added;
};

Tokenizer::Tokenizer(std::string_view bytes, std::string_view config, const std::string& file, std::string_view merges)
    : tables_(std::make_unique<const Tables>(open_tokenizer(bytes, merges, config, file))) {}

Tokenizer::Tokenizer(const std::filesystem::path& path)
    : tables_(std::make_unique<const Tables>(open_tokenizer(path))) {}

Tokenizer::~Tokenizer() = default;

std::vector<int32_t> Tokenizer::encode(std::string_view text, std::vector<uint32_t>* offsets) const {
  if (text.size() > longest_text)
    throw Error(ErrorCode::does_not_fit, "a text of more than 2 GB cannot be encoded at once; cut it");
  std::vector<int32_t> ids;
  if (offsets) offsets->clear();
  Output to(ids, offsets);
  for (const auto& piece : tables_->raw_added.find(text))
    if (piece.id >= 0)
      to.put(piece.id, piece.begin);
    else
      tables_->encode_raw(text.substr(piece.begin, piece.end - piece.begin), piece.begin, to);
  if (offsets) offsets->push_back(static_cast<uint32_t>(text.size()));
  return ids;
}

std::vector<int32_t> Tokenizer::with_special(std::vector<int32_t> ids) const {
  ids.insert(ids.begin(), tables_->plan.before.begin(), tables_->plan.before.end());
  ids.insert(ids.end(), tables_->plan.after.begin(), tables_->plan.after.end());
  return ids;
}

const std::string& Tokenizer::bytes(int32_t id) const {
  static const std::string none;
  return id >= 0 && id < size() ? tables_->bytes[static_cast<size_t>(id)] : none;
}

std::string Tokenizer::decode(const std::vector<int32_t>& ids) const {
  std::string text;
  for (size_t i = 0; i < ids.size(); ++i) {
    const bool first = i == 0, last = i + 1 == ids.size();
    const bool exists = ids[i] >= 0 && ids[i] < size();
    text += tables_->positional && exists && (first || last) ? tables_->decoded(ids[i], first, last) : bytes(ids[i]);
  }
  return tables_->plan.decoder.text(std::move(text));
}

int32_t Tokenizer::id(std::string_view token) const {
  for (const AddedToken& added : tables_->plan.added)
    if (added.content == token) return added.id;
  return -1;
}

bool Tokenizer::special(int32_t id) const {
  return id >= 0 && id < size() && tables_->is_special[static_cast<size_t>(id)];
}
int32_t Tokenizer::size() const { return static_cast<int32_t>(tables_->bytes.size()); }
bool Tokenizer::adds_bos() const {
  return tables_->plan.bos >= 0 && !tables_->plan.before.empty() && tables_->plan.before.front() == tables_->plan.bos;
}
int32_t Tokenizer::bos() const { return tables_->plan.bos; }
int32_t Tokenizer::eos() const { return tables_->plan.eos; }
const std::string& Tokenizer::hash() const { return tables_->hash; }
const char* Tokenizer::kind() const { return tables_->plan.model->kind(); }

}  // namespace stemma
