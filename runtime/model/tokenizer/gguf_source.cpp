#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "runtime/error.h"
#include "runtime/model/files/gguf.h"
#include "runtime/model/files/json_file.h"
#include "runtime/model/tokenizer/byte_alphabet.h"
#include "runtime/model/tokenizer/byte_pair_model.h"
#include "runtime/model/tokenizer/families.h"
#include "runtime/model/tokenizer/json_stages.h"
#include "runtime/model/tokenizer/safe_cuts.h"
#include "runtime/model/tokenizer/sentence_pieces.h"
#include "runtime/model/tokenizer/sources.h"
#include "runtime/model/tokenizer/whole_word_models.h"

namespace stemma {

namespace {

class Reader {
 public:
  explicit Reader(const Gguf& gguf) : gguf_(gguf), file_(gguf.file()) {
    tokens_ = gguf.texts("tokenizer.ggml.tokens");
    if (tokens_.empty()) refuse("has no vocabulary (tokenizer.ggml.tokens)");
    if (tokens_.size() > static_cast<size_t>(most_tokens)) refuse("its vocabulary has too many tokens");
    for (std::string_view token : tokens_)
      if (token.size() > longest_token) refuse(fmt::format("token {} is too long", in_quotes(token)));
    kinds_ = gguf.integers("tokenizer.ggml.token_type");
    if (!kinds_.empty() && kinds_.size() != tokens_.size())
      refuse("tokenizer.ggml.token_type has not as many entries as there are tokens");
  }

  TokenizerPlan read() {
    const std::string model(gguf_.text("tokenizer.ggml.model").value_or(""));
    TokenizerPlan plan = model == "llama" || model == "t5" ? sentence_pieces(model == "t5")
                         : model == "gpt2"                 ? byte_pairs()
                         : model == "gemma4"               ? spaceless_pairs()
                         : model == "bert"                 ? word_pieces()
                                                           : unsupported(in_quotes(model));
    plan.bos = id("tokenizer.ggml.bos_token_id", plan.bos);
    plan.eos = id("tokenizer.ggml.eos_token_id", plan.eos);
    if (model == "bert") {
      put(true, id("tokenizer.ggml.cls_token_id", plan.bos), plan.before);
      put(true, id("tokenizer.ggml.seperator_token_id", plan.eos), plan.after);
      return plan;
    }
    const std::string_view begun[] = {"llama-bpe", "llama3",  "llama-v3", "falcon3",   "falcon-h1",   "midm-2.0",
                                      "lfm2",      "pixtral", "tekken",   "chameleon", "jina-v5-nano"};
    const bool begins = model == "llama" || std::find(std::begin(begun), std::end(begun), pre_) != std::end(begun);
    put(gguf_.flag("tokenizer.ggml.add_bos_token").value_or(begins), plan.bos, plan.before);
    put(gguf_.flag("tokenizer.ggml.add_eos_token").value_or(model == "t5"), plan.eos, plan.after);
    return plan;
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw Error(ErrorCode::bad_file, fmt::format("{}: {}", file_, what));
  }
  [[noreturn]] TokenizerPlan unsupported(const std::string& what) const {
    throw Error(ErrorCode::unsupported, fmt::format("{}: the tokenizer {} is not supported", file_, what));
  }
  static void put(bool wanted, int32_t id, std::vector<int32_t>& side) {
    if (wanted && id >= 0) side = {id};
  }

  int32_t id(const char* key, int32_t otherwise) const {
    const auto value = gguf_.integer(key);
    if (!value) return otherwise;
    return *value >= 0 && *value < static_cast<int64_t>(tokens_.size()) ? static_cast<int32_t>(*value) : -1;
  }
  PieceKind kind(size_t id) const {
    const int64_t value = kinds_.empty() ? 1 : kinds_[id];
    return value >= 1 && value <= 6 ? static_cast<PieceKind>(value) : PieceKind::normal;
  }

  void add_special(size_t id, const std::string& content, TokenizerPlan& to) const {
    if (content.empty() || (kind(id) != PieceKind::control && kind(id) != PieceKind::user_defined)) return;
    if (to.vocabulary->find(content) != static_cast<int32_t>(id)) return;  // a twin of another
    AddedToken token;
    token.id = static_cast<int32_t>(id);
    token.content = content;
    token.special = kind(id) == PieceKind::control;
    to.add(std::move(token), file_);
  }

  TokenizerPlan sentence_pieces(bool unigram) {
    SentencePieces from;
    const std::vector<double> scores = gguf_.numbers("tokenizer.ggml.scores");
    if (scores.size() != tokens_.size()) refuse("tokenizer.ggml.scores has not as many entries as there are tokens");
    for (size_t i = 0; i < tokens_.size(); ++i)
      from.pieces.push_back({std::string(tokens_[i]), static_cast<float>(scores[i]), kind(i)});
    if (unigram) from.model = PieceModel::unigram;
    from.prefix_space = gguf_.flag("tokenizer.ggml.add_space_prefix").value_or(true);
    from.single_spaces = gguf_.flag("tokenizer.ggml.remove_extra_whitespaces").value_or(false);
    for (int64_t byte : gguf_.integers("tokenizer.ggml.precompiled_charsmap")) from.charsmap += static_cast<char>(byte);
    from.unknown = id("tokenizer.ggml.unknown_token_id", -1);
    for (size_t i = 0; from.unknown < 0 && i < tokens_.size(); ++i)
      if (kind(i) == PieceKind::unknown) from.unknown = static_cast<int32_t>(i);
    TokenizerPlan plan = plan_of_pieces(from, file_);
    // Phi-3 takes the white space after its markers; the file has no place to say so.
    if (gguf_.text("general.architecture") == "phi3")
      for (AddedToken& token : plan.added)
        token.strips_right = token.content != "<unk>" && token.content != "<s>" && token.content != "<|endoftext|>";
    return plan;
  }

  // The name of how words are cut; old files have none, so their architecture tells.
  std::string pre_tokenizer() const {
    const std::string named(gguf_.text("tokenizer.ggml.pre").value_or(""));
    if (!named.empty() && named != "default") return named;
    const std::string architecture(gguf_.text("general.architecture").value_or(""));
    if (architecture == "gptneox" || architecture == "mpt" || architecture == "olmo") return "mpt";
    if (architecture == "falcon" || architecture == "starcoder" || architecture == "refact") return architecture;
    if (architecture == "starcoder2") return "starcoder";
    if (architecture == "qwen2" || architecture == "qwen3") return "qwen2";
    if (architecture == "bloom" || architecture == "command-r") return architecture;
    return "gpt-2";
  }

  void add_tokens(TokenizerPlan& to) const {
    for (size_t i = 0; i < tokens_.size(); ++i) {
      to.vocabulary->add_twin(std::string(tokens_[i]), static_cast<int32_t>(i));
      add_special(i, std::string(tokens_[i]), to);
    }
  }

  std::vector<Merge> merges(const Vocabulary& vocabulary) const {
    std::vector<Merge> merges;
    for (std::string_view line : gguf_.texts("tokenizer.ggml.merges")) {
      const size_t space = line.find(' ', 1);
      const std::string_view right = space < line.size() ? line.substr(space + 1) : std::string_view();
      const std::string_view left = line.substr(0, std::min(space, line.size()));
      const auto rank = static_cast<uint32_t>(merges.size());
      const Merge merge{vocabulary.find(left), vocabulary.find(right),
                        vocabulary.find(std::string(left) + std::string(right)), rank};
      if (merge.left < 0 || merge.right < 0 || merge.result < 0)
        refuse(fmt::format("merge {} needs a token that is not in the vocabulary", in_quotes(line)));
      merges.push_back(merge);
    }
    if (merges.empty()) refuse("has no merges (tokenizer.ggml.merges)");
    return merges;
  }

  // Pairs of characters with U+2581 for spaces, over the text as a whole (Gemma 4 and those made like it).
  TokenizerPlan spaceless_pairs() {
    TokenizerPlan plan;
    add_tokens(plan);
    const nlohmann::json stages = sentencepiece_stages(false);
    read_normalizers(stages, file_, plan);
    read_decoder(stages, file_, plan);
    BytePairPlan pairs;
    pairs.merges = merges(*plan.vocabulary);
    pairs.fuses_unknown = pairs.falls_back_to_bytes = true;
    if (const int32_t unknown = id("tokenizer.ggml.unknown_token_id", -1); unknown >= 0)
      pairs.unknown = tokens_[static_cast<size_t>(unknown)];
    if (auto cuts = safe_cuts(*plan.vocabulary, pairs)) plan.pre_tokenizers.push_back(*cuts);
    plan.model = byte_pair_model(*plan.vocabulary, pairs, false);
    return plan;
  }

  TokenizerPlan byte_pairs() {
    pre_ = pre_tokenizer();
    if (pre_ == "gemma4" || pre_ == "sarvam-moe" || pre_ == "granite-embed-multi-311m") return spaceless_pairs();
    TokenizerPlan plan;
    add_tokens(plan);
    const nlohmann::json stages = family_stages(pre_);
    if (stages.is_null()) unsupported("with the pre-tokenizer " + in_quotes(pre_));
    read_normalizers(stages, file_, plan);
    const bool of_bytes = read_pre_tokenizers(stages, file_, true, plan);
    read_decoder(stages, file_, plan);
    BytePairPlan pairs;
    pairs.ignores_merges = stages.value("ignore_merges", false);
    pairs.merges = merges(*plan.vocabulary);
    plan.model = byte_pair_model(*plan.vocabulary, pairs, of_bytes);
    return plan;
  }

  // Words begin with U+2581 and their later parts do not, where BERT writes "##" before those.
  TokenizerPlan word_pieces() {
    TokenizerPlan plan;
    for (size_t i = 0; i < tokens_.size(); ++i) {
      std::string token(tokens_[i]);
      const bool bracketed = token.starts_with('[') && token.ends_with(']');
      if (token.starts_with(underscore))
        token.erase(0, underscore.size());
      else if (!bracketed)
        token.insert(0, "##");
      plan.vocabulary->add_twin(token, static_cast<int32_t>(i));
      add_special(i, token, plan);
    }
    const nlohmann::json stages = {{"normalizer", {{"type", "BertNormalizer"}}},
                                   {"pre_tokenizer", {{"type", "BertPreTokenizer"}}},
                                   {"decoder", {{"type", "WordPiece"}}}};
    read_normalizers(stages, file_, plan);
    read_pre_tokenizers(stages, file_, false, plan);
    read_decoder(stages, file_, plan);
    plan.model = word_piece_model(*plan.vocabulary, "##", 100, id("tokenizer.ggml.unknown_token_id", -1));
    return plan;
  }

  const Gguf& gguf_;
  const std::string& file_;
  std::vector<std::string_view> tokens_;
  std::vector<int64_t> kinds_;
  std::string pre_;
};

}  // namespace

TokenizerPlan plan_of_gguf(const Gguf& gguf) { return Reader(gguf).read(); }

}  // namespace stemma
