#include "runtime/model/tokenizer.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "runtime/error.h"
#include "runtime/model/added_tokens.h"
#include "runtime/model/byte_alphabet.h"
#include "runtime/model/byte_pairs.h"
#include "runtime/model/hash.h"
#include "runtime/model/json_file.h"
#include "runtime/model/normal_text.h"
#include "runtime/model/tokenizer_file.h"
#include "runtime/model/utf8.h"
#include "runtime/model/word_cache.h"
#include "runtime/model/word_split.h"

namespace stemma {

namespace {

constexpr uint64_t largest_tokenizer = 256'000'000, largest_config = 16'000'000;
constexpr size_t longest_text = UINT32_MAX / 2;

std::vector<AddedToken> added_of(const TokenizerFile& file, bool normalized) {
  std::vector<AddedToken> tokens;
  std::copy_if(file.added.begin(), file.added.end(), std::back_inserter(tokens),
               [&](const AddedToken& token) { return token.normalized == normalized; });
  return tokens;
}

// Bytes that are not UTF-8 become SUB for the patterns, which need UTF-8 of the same length.
std::string made_valid(std::string_view text) {
  std::string valid(text);
  for (size_t at = 0; at < text.size();) {
    const size_t length = utf8_length(text, at);
    if (!length) valid[at] = '\x1A';
    at += length ? length : 1;
  }
  return valid;
}

}  // namespace

struct Tokenizer::Tables {
  Tables(TokenizerFile parsed, const std::string& name)
      : file(std::move(parsed)),
        raw_added(added_of(file, false)),
        normal_added(added_of(file, true)),
        pairs(file.merges) {
    for (const std::string& pattern : file.patterns) patterns.emplace_back(pattern, name);
    for (const AddedToken& token : file.added)
      if (token.special) special.insert(token.id);
  }

  // The spans of a stretch of normalised text without added tokens, appended.
  void encode_text(std::string_view text, std::vector<TokenSpan>& spans) const {
    if (file.symbols == TokenizerFile::Symbols::characters) return encode_characters(text, spans);
    const std::string valid = made_valid(text);
    std::vector<std::string_view> words = {valid}, finer;
    for (const WordPattern& pattern : patterns) {
      finer.clear();
      for (std::string_view word : words) pattern.split(word, finer);
      words.swap(finer);
    }
    for (std::string_view word : words)
      encode_word(text.substr(static_cast<size_t>(word.data() - valid.data()), word.size()), spans);
  }

  void encode_word(std::string_view word, std::vector<TokenSpan>& spans) const {
    if (file.ignores_merges)
      if (const auto whole = file.tokens.find(std::string(word)); whole != file.tokens.end()) {
        spans.push_back({whole->second, static_cast<uint32_t>(word.size())});
        return;
      }
    if (cache.find(word, spans)) return;
    std::vector<TokenSpan> symbols;
    for (char c : word) add_byte(static_cast<uint8_t>(c), symbols);
    pairs.merge(symbols);
    cache.keep(word, symbols);
    spans.insert(spans.end(), symbols.begin(), symbols.end());
  }

  void encode_characters(std::string_view text, std::vector<TokenSpan>& spans) const {
    std::vector<TokenSpan> symbols;
    for (size_t at = 0; at < text.size();) {
      const size_t length = std::max<size_t>(utf8_length(text, at), 1);
      std::string character(text.substr(at, length));
      if (character == underscore) character = " ";
      if (const auto known = file.tokens.find(character); known != file.tokens.end())
        symbols.push_back({known->second, static_cast<uint32_t>(length)});
      else
        for (size_t i = 0; i < length; ++i) add_byte(static_cast<uint8_t>(text[at + i]), symbols);
      at += length;
    }
    pairs.merge(symbols);
    spans.insert(spans.end(), symbols.begin(), symbols.end());
  }

  // Bytes that no token stands for are the unknown token, one for all that follow each other; without one they are -1
  // here and left out of the ids.
  void add_byte(uint8_t byte, std::vector<TokenSpan>& symbols) const {
    const bool known = file.byte_ids[byte] >= 0;
    const int32_t id = known ? file.byte_ids[byte] : file.unknown;
    if (!known && !symbols.empty() && symbols.back().id == id)
      ++symbols.back().bytes;
    else
      symbols.push_back({id, 1});
  }

  TokenizerFile file;
  AddedTokens raw_added, normal_added;
  BytePairs pairs;
  std::vector<WordPattern> patterns;
  std::unordered_set<int32_t> special;
  std::string hash;
  mutable WordCache cache;
};

Tokenizer::Tokenizer(std::string_view text, std::string_view config, const std::string& file) {
  auto tables = std::make_unique<Tables>(parse_tokenizer(text, config, file), file);
  Hasher hasher;
  hasher.add(text);
  hasher.add(fmt::format("bos {} eos {} adds_bos {}", tables->file.bos, tables->file.eos, tables->file.adds_bos));
  tables->hash = hasher.hex();
  tables_ = std::move(tables);
}

namespace {

std::filesystem::path tokenizer_path(const std::filesystem::path& path) {
  return std::filesystem::is_directory(path) ? path / "tokenizer.json" : path;
}

std::string config_beside(const std::filesystem::path& path) {
  const auto config = tokenizer_path(path).parent_path() / "tokenizer_config.json";
  return std::filesystem::exists(config) ? read_text(config, largest_config) : "";
}

}  // namespace

Tokenizer::Tokenizer(const std::filesystem::path& path)
    : Tokenizer(read_text(tokenizer_path(path), largest_tokenizer), config_beside(path),
                tokenizer_path(path).string()) {}

Tokenizer::~Tokenizer() = default;

std::vector<int32_t> Tokenizer::encode(std::string_view text, std::vector<uint32_t>* offsets) const {
  if (text.size() > longest_text)
    throw Error(ErrorCode::does_not_fit, "a text of more than 2 GB cannot be encoded at once; cut it");
  std::vector<int32_t> ids;
  if (offsets) offsets->clear();
  auto put = [&](int32_t id, size_t begin) {
    ids.push_back(id);
    if (offsets) offsets->push_back(static_cast<uint32_t>(begin));
  };
  std::vector<TokenSpan> spans;
  for (const auto& raw : tables_->raw_added.find(text)) {
    if (raw.id >= 0) {
      put(raw.id, raw.begin);
      continue;
    }
    const std::string_view stretch = text.substr(raw.begin, raw.end - raw.begin);
    NormalText normal = tables_->file.composes ? composed(stretch) : NormalText{std::string(stretch), {}};
    for (const auto& piece : tables_->normal_added.find(normal.text)) {
      if (piece.id >= 0) {
        put(piece.id, raw.begin + normal.origin(piece.begin));
        continue;
      }
      std::string_view plain = std::string_view(normal.text).substr(piece.begin, piece.end - piece.begin);
      std::string spaced;
      if (tables_->file.prepends_space || (tables_->file.prefix_space && plain.front() != ' '))
        plain = spaced = " " + std::string(plain);
      spans.clear();
      tables_->encode_text(plain, spans);
      size_t at = 0;  // in `plain`, whose first space may stand for nothing
      const size_t extra = spaced.empty() ? 0 : 1;
      for (const TokenSpan& span : spans) {
        if (span.id >= 0) put(span.id, raw.begin + normal.origin(piece.begin + (at < extra ? 0 : at - extra)));
        at += span.bytes;
      }
    }
  }
  if (offsets) offsets->push_back(static_cast<uint32_t>(text.size()));
  return ids;
}

const std::string& Tokenizer::bytes(int32_t id) const {
  static const std::string none;
  return id >= 0 && id < size() ? tables_->file.bytes[static_cast<size_t>(id)] : none;
}

std::string Tokenizer::decode(const std::vector<int32_t>& ids) const {
  std::string text;
  for (int32_t id : ids) text += bytes(id);
  if (tables_->file.strips_first_space && text.starts_with(' ')) text.erase(0, 1);
  return text;
}

int32_t Tokenizer::id(std::string_view token) const {
  for (const AddedToken& added : tables_->file.added)
    if (added.content == token) return added.id;
  return -1;
}

bool Tokenizer::special(int32_t id) const { return tables_->special.contains(id); }
int32_t Tokenizer::size() const { return static_cast<int32_t>(tables_->file.bytes.size()); }
bool Tokenizer::adds_bos() const { return tables_->file.adds_bos; }
int32_t Tokenizer::bos() const { return tables_->file.bos; }
int32_t Tokenizer::eos() const { return tables_->file.eos; }
const std::string& Tokenizer::hash() const { return tables_->hash; }

std::string printable(std::string_view bytes) {
  std::string text;
  for (size_t at = 0; at < bytes.size();) {
    const size_t length = utf8_length(bytes, at);
    text += length ? bytes.substr(at, length) : std::string_view("\uFFFD");
    at += length ? length : 1;
  }
  return text;
}

}  // namespace stemma
