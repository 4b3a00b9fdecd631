#include "runtime/model/tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <span>

#include "runtime/error.h"
#include "runtime/model/files/json_file.h"
#include "runtime/model/tokenizer/open_source.h"
#include "runtime/model/tokenizer/word_cache.h"
#include "runtime/model/utf8.h"

namespace stemma {

namespace {

constexpr size_t longest_text = UINT32_MAX / 2;
constexpr size_t batch = 64;  // words

// A file's steps could each multiply a text; together they may do so a little.
void normalize(const TokenizerPlan& plan, NormalText& text) {
  constexpr size_t most_growth = 64, always_allowed = 1'000'000;
  const size_t most = text.text().size() * most_growth + always_allowed;
  for (const Normalizer& normalizer : plan.normalizers) {
    normalizer(text);
    if (text.text().size() > most)
      throw Error(ErrorCode::does_not_fit,
                  "the tokenizer's normalizers make this text many times as long; cut the text");
  }
}

// Of one kind, and as they read where they are looked for.
std::vector<AddedToken> added_of(const TokenizerPlan& plan, bool normalized) {
  std::vector<AddedToken> tokens;
  for (const AddedToken& token : plan.added) {
    if (token.normalized != normalized) continue;
    NormalText content{token.content, false};
    if (normalized && !token.is_normal) normalize(plan, content);
    if (content.text().empty())  // the crate finds it before every byte, within characters too
      throw Error(ErrorCode::unsupported,
                  fmt::format("the tokenizer's added token {} is nothing once normalized, which is not supported; "
                              "set its \"normalized\" to false",
                              in_quotes(token.content)));
    tokens.push_back(token);
    tokens.back().content = content.text();
  }
  return tokens;
}

uint32_t next_number() {
  static std::atomic<uint32_t> last{0};
  return ++last;
}

size_t whole_piece(std::string_view text, size_t at, std::span<TextRange> words) {
  words[0] = {static_cast<uint32_t>(at), static_cast<uint32_t>(text.size())};
  return 1;
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
  template <size_t most>
  void put(const std::array<int32_t, most>& some, size_t count) {  // the first `count` of them, without offsets
    if (filled_ + most > block_.size()) flush();
    std::copy(some.begin(), some.end(), block_.begin() + static_cast<ptrdiff_t>(filled_));
    filled_ += count;
  }
  void put_offset(size_t begin) { offsets_->push_back(static_cast<uint32_t>(begin)); }
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
    if (cuts > 0 && plan.pre_tokenizers.back().scanner()) scanner = plan.pre_tokenizers[--cuts].scanner();
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
    for (size_t i = 0; i < cuts; ++i) plan.pre_tokenizers[i](pieces);
    std::array<TextRange, batch> words;
    scan(pieces, scanner, words,
         [&](size_t count) { encode_words(pieces, std::span(words).first(count), origin, to); });
    to.flush();
  }

  void encode_words(const Pieces& pieces, std::span<const TextRange> words, size_t origin, Output& to) const {
    const std::string_view bytes = pieces.text().text();
    WordCache::Short& table = WordCache::of_thread().short_words;
    const size_t longest = to.has_offsets() ? 0 : WordCache::Short::longest;
    const uint32_t owner = number;
    std::array<WordCache::Short::Place, batch> places;  // on their way from memory at once
    for (size_t i = 0; i < words.size(); ++i)
      if (const size_t size = words[i].end - words[i].begin; size <= longest)
        places[i] = table.place(bytes, words[i].begin, size, owner);
    for (size_t i = 0; i < words.size(); ++i) {
      if (words[i].end - words[i].begin > longest) {
        encode_long(pieces, words[i], origin, to);
      } else if (const auto* known = table.find(places[i], owner)) {
        if (known->count() > 0)
          to.put(known->ids, known->count());
        else
          encode_long(pieces, words[i], origin, to);
      } else {
        const auto spans = encode_word(pieces, words[i], origin, to);
        if (!table.keep(places[i], owner, spans)) keep_long(pieces, words[i], spans);
      }
    }
  }

  // A word that is no short one, or has too many tokens for one.
  void encode_long(const Pieces& pieces, TextRange word, size_t origin, Output& to) const {
    WordCache::Long& table = WordCache::of_thread().long_words;
    const size_t size = word.end - word.begin;
    const bool fits = size <= WordCache::Long::longest;
    const auto place = fits ? table.place(pieces.text().text(), word.begin, size, number) : WordCache::Long::Place{};
    const auto* known = fits ? table.find(place, number) : nullptr;
    if (known && known->count() > 0) {
      to.put(known->ids, known->count());
      if (to.has_offsets())
        for (size_t i = 0, at = word.begin; i < known->count(); at += known->sizes[i++])
          to.put_offset(origin + pieces.text().origin(at));
      return;
    }
    const auto spans = encode_word(pieces, word, origin, to);
    if (fits && !known) table.keep(place, number, spans);
  }

  void keep_long(const Pieces& pieces, TextRange word, std::span<const TokenSpan> spans) const {
    WordCache::Long& table = WordCache::of_thread().long_words;
    table.keep(table.place(pieces.text().text(), word.begin, word.end - word.begin, number), number, spans);
  }

  // A word that no table knows; its tokens, until the thread's next.
  std::span<const TokenSpan> encode_word(const Pieces& pieces, TextRange word, size_t origin, Output& to) const {
    thread_local std::vector<TokenSpan> spans;
    spans.clear();
    plan.model->encode(pieces.bytes(word), spans);
    uint32_t at = word.begin;
    for (const TokenSpan& span : spans) {
      if (span.id >= 0) to.put(span.id, origin + pieces.text().origin(at));
      at += span.bytes;
    }
    return spans;
  }

  void encode_raw(std::string_view stretch, size_t origin, Output& to) const {
    NormalText normal{stretch, to.has_offsets() || plan.looks_at_origins};
    normalize(plan, normal);
    if (normal_added.empty()) return encode_text(std::move(normal), origin, to);
    const std::string_view text = normal.text();
    for (const auto& piece : normal_added.find(text)) {
      const uint32_t base = normal.origin(piece.begin);
      if (piece.id >= 0) {
        to.put(piece.id, origin + base);
        continue;
      }
      NormalText part{text.substr(piece.begin, piece.end - piece.begin), normal.has_origins};
      if (!normal.origins.empty())
        for (size_t at = piece.begin; at <= piece.end; ++at) part.origins.push_back(normal.origins[at] - base);
      encode_text(std::move(part), origin + base, to);
    }
  }

  const TokenizerPlan plan;
  const std::string hash;
  const AddedTokens raw_added, normal_added;
  const bool positional;  // the first or last of decoded tokens is another than amid a text
  const uint32_t number = next_number();
  std::vector<std::string> bytes, spellings_of_added;
  std::vector<bool> is_special, is_added;
  size_t cuts = plan.pre_tokenizers.size();  // the steps before the scanner
  WordScanner scanner = whole_piece;
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
  ids.reserve(text.size() / 3 + 8);
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
