#include "runtime/model/tokenizer_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "runtime/error.h"
#include "runtime/model/byte_alphabet.h"
#include "runtime/model/json_file.h"
#include "runtime/model/tokenizer_pipeline.h"

namespace stemma {

namespace {

using nlohmann::json;

constexpr int64_t most_tokens = 1 << 21;
constexpr size_t longest_token = 65536;

class Parser {
 public:
  Parser(const json& document, const std::string& file) : document_(document), file_(file) {}

  TokenizerFile parse(std::string_view config) {
    read_pipeline(document_, file_, result_);
    read_vocabulary();
    read_merges();
    read_added();
    find_bytes();
    const std::string unknown = text_of(model_(), "unk_token");
    if (const auto place = ids_.find(unknown); !unknown.empty() && place != ids_.end()) result_.unknown = place->second;
    read_bos();
    if (!config.empty()) read_config(config);
    return std::move(result_);
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw Error(ErrorCode::bad_file, fmt::format("{}: {}", file_, what));
  }
  const json& model_() const { return document_.at("model"); }

  static std::string text_of(const json& object, const char* key) {
    const auto place = object.find(key);
    return place != object.end() && place->is_string() ? place->get<std::string>() : "";
  }

  int32_t id_of(const json& value, std::string_view token) const {
    if (!value.is_number_unsigned() || value.get<uint64_t>() >= static_cast<uint64_t>(most_tokens))
      refuse(fmt::format("token {} has an id that is no whole number below {}", in_quotes(token), most_tokens));
    return value.get<int32_t>();
  }

  // What a vocabulary's spelling stands for.
  std::string bytes_of(const std::string& spelling) const {
    if (result_.symbols == TokenizerFile::Symbols::bytes) return bytes_of_spelling(spelling);
    if (const auto byte = byte_of_token(spelling)) return {static_cast<char>(*byte)};
    return spaces_of_underscores(spelling);
  }

  void read_vocabulary() {
    const auto vocabulary = model_().find("vocab");
    if (vocabulary == model_().end() || !vocabulary->is_object() || vocabulary->empty())
      refuse("has no vocabulary (model.vocab)");
    for (const auto& [spelling, value] : vocabulary->items()) {
      if (spelling.size() > longest_token) refuse(fmt::format("token {} is too long", in_quotes(spelling)));
      const int32_t id = id_of(value, spelling);
      if (static_cast<size_t>(id) >= result_.bytes.size())
        result_.bytes.resize(static_cast<size_t>(id) + 1), used_.resize(static_cast<size_t>(id) + 1);
      if (used_[id]) refuse(fmt::format("token {} has the id {} of another", in_quotes(spelling), id));
      used_[id] = true;
      result_.bytes[id] = bytes_of(spelling);
      ids_.emplace(spelling, id);
      if (result_.symbols == TokenizerFile::Symbols::bytes || !byte_of_token(spelling))
        result_.tokens.emplace(result_.bytes[id], id);
    }
  }

  void read_merges() {
    const auto merges = model_().find("merges");
    if (merges == model_().end() || !merges->is_array()) refuse("has no merges (model.merges)");
    result_.merges.reserve(merges->size());
    for (const json& entry : *merges) {
      std::string left, right;
      if (entry.is_array() && entry.size() == 2 && entry[0].is_string() && entry[1].is_string()) {
        left = entry[0].get<std::string>();
        right = entry[1].get<std::string>();
      } else if (entry.is_string()) {
        const auto& both = entry.get_ref<const std::string&>();
        const size_t space = both.find(' ');
        if (space == std::string::npos || both.find(' ', space + 1) != std::string::npos)
          refuse(fmt::format("merge {} is not two tokens with a space between", in_quotes(both)));
        left = both.substr(0, space);
        right = both.substr(space + 1);
      } else {
        refuse(fmt::format("merge {} is not a pair of tokens", result_.merges.size()));
      }
      Merge merge{};
      for (auto [spelling, id] : {std::pair(left, &merge.left), {right, &merge.right}, {left + right, &merge.result}}) {
        const auto place = ids_.find(spelling);
        if (place == ids_.end())
          refuse(fmt::format("merge {} {} needs token {}, which is not in the vocabulary", in_quotes(left),
                             in_quotes(right), in_quotes(spelling)));
        *id = place->second;
      }
      result_.merges.push_back(merge);
    }
  }

  void read_added() {
    const auto added = document_.find("added_tokens");
    if (added == document_.end() || added->is_null()) return;
    if (!added->is_array()) refuse("its added_tokens are not a list");
    auto flag = [](const json& token, const char* key, bool otherwise) {
      const auto place = token.find(key);
      return place != token.end() && place->is_boolean() ? place->get<bool>() : otherwise;
    };
    for (const json& token : *added) {
      const std::string content = token.is_object() ? text_of(token, "content") : "";
      if (content.empty() || content.size() > longest_token || !token.contains("id"))
        refuse("an added token lacks its content or id");
      if (flag(token, "single_word", false))
        throw Error(ErrorCode::unsupported,
                    fmt::format("{}: added token {} wants to be a single_word, which is not supported", file_,
                                in_quotes(content)));
      AddedToken entry{id_of(token["id"], content),   content,
                       flag(token, "special", false), false,
                       flag(token, "lstrip", false),  flag(token, "rstrip", false)};
      entry.normalized = flag(token, "normalized", !entry.special);
      const auto id = static_cast<size_t>(entry.id);
      if (const auto place = ids_.find(content);
          place == ids_.end() ? id < used_.size() && used_[id] : place->second != entry.id)
        refuse(
            fmt::format("added token {} has another id ({}) than the vocabulary gives", in_quotes(content), entry.id));
      if (id >= result_.bytes.size()) result_.bytes.resize(id + 1), used_.resize(id + 1);
      used_[id] = true;
      result_.bytes[id] = content;
      ids_.emplace(content, entry.id);
      result_.added.push_back(std::move(entry));
    }
  }

  void find_bytes() {
    result_.byte_ids.fill(-1);
    for (const auto& [spelling, id] : ids_) {
      std::optional<uint8_t> byte;
      if (result_.symbols == TokenizerFile::Symbols::characters) {
        byte = byte_of_token(spelling);
      } else if (const std::string bytes = bytes_of_spelling(spelling);
                 bytes.size() == 1 && spelling == spelling_of_byte(static_cast<uint8_t>(bytes[0]))) {
        byte = static_cast<uint8_t>(bytes[0]);
      }
      if (byte) result_.byte_ids[*byte] = id;
    }
  }

  void read_bos() {
    const std::string token = bos_of_post_processor(document_, file_);
    if (token.empty()) return;
    const auto place = ids_.find(token);
    if (place == ids_.end()) refuse(fmt::format("its post_processor adds {}, which is no token", in_quotes(token)));
    result_.bos = place->second;
    result_.adds_bos = true;
  }

  void read_config(std::string_view text) {
    const size_t slash = file_.rfind('/');
    const std::string name = (slash == std::string::npos ? "" : file_.substr(0, slash + 1)) + "tokenizer_config.json";
    const json config = parse_json_object(text, name);
    auto token = [&](const char* key, int32_t otherwise) {
      const auto place = config.find(key);
      if (place == config.end() || place->is_null()) return otherwise;
      const std::string content = place->is_object() ? text_of(*place, "content") : text_of(config, key);
      const auto found = ids_.find(content);
      if (found == ids_.end())
        throw Error(ErrorCode::bad_file,
                    fmt::format("{}: its {} {} is no token of tokenizer.json", name, key, in_quotes(content)));
      return found->second;
    };
    result_.bos = token("bos_token", result_.bos);
    result_.eos = token("eos_token", result_.eos);
    if (const auto adds = config.find("add_bos_token"); adds != config.end() && adds->is_boolean())
      result_.adds_bos = adds->get<bool>();
    if (result_.adds_bos && result_.bos < 0)
      throw Error(ErrorCode::bad_file, fmt::format("{}: add_bos_token is true, but it names no bos_token", name));
  }

  const json& document_;
  const std::string& file_;
  TokenizerFile result_;
  std::vector<bool> used_;
  std::unordered_map<std::string, int32_t> ids_;  // by spelling
};

}  // namespace

TokenizerFile parse_tokenizer(std::string_view text, std::string_view config, const std::string& file) {
  const json document = parse_json_object(text, file);
  return Parser(document, file).parse(config);
}

}  // namespace stemma
