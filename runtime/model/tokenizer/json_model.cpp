#include "runtime/model/tokenizer/json_model.h"

#include <fmt/format.h>

#include "runtime/error.h"
#include "runtime/model/files/json_file.h"
#include "runtime/model/tokenizer/json_fields.h"
#include "runtime/model/tokenizer/json_stages.h"
#include "runtime/model/tokenizer/safe_cuts.h"
#include "runtime/model/tokenizer/sources.h"
#include "runtime/model/tokenizer/unigram_model.h"
#include "runtime/model/tokenizer/whole_word_models.h"

namespace stemma {

namespace {

using nlohmann::json;

BytePairPlan byte_pairs_of(const json& model, const std::string& file, const Vocabulary& vocabulary) {
  BytePairPlan plan;
  plan.unknown = text_field(model, "unk_token");
  plan.continuing = text_field(model, "continuing_subword_prefix");
  plan.end_of_word = text_field(model, "end_of_word_suffix");
  plan.fuses_unknown = flag_field(model, "fuse_unk", false);
  plan.falls_back_to_bytes = flag_field(model, "byte_fallback", false);
  plan.ignores_merges = flag_field(model, "ignore_merges", false);
  if (const json* dropout = field(model, "dropout"); dropout && *dropout != 0.0) refuse_stage(file, "model.dropout");
  const json* merges = field(model, "merges");
  if (!merges || !merges->is_array()) refuse_tokenizer(file, "has no merges (model.merges)");
  plan.merges.reserve(merges->size());
  for (const json& entry : *merges) {
    const auto rank = static_cast<uint32_t>(plan.merges.size());
    if (entry.is_array() && entry.size() == 2 && entry[0].is_string() && entry[1].is_string())
      plan.merges.push_back(
          merge_of(entry[0].get<std::string>(), entry[1].get<std::string>(), rank, plan.continuing, vocabulary, file));
    else if (entry.is_string())
      plan.merges.push_back(
          merge_of_line(entry.get_ref<const std::string&>(), rank, plan.continuing, vocabulary, file));
    else
      refuse_tokenizer(file, fmt::format("merge {} is not a pair of tokens", rank));
  }
  return plan;
}

UnigramPlan unigram_of(const json& model, const std::string& file, Vocabulary& vocabulary) {
  const json* entries = field(model, "vocab");
  if (!entries || !entries->is_array() || entries->empty()) refuse_tokenizer(file, "has no vocabulary (model.vocab)");
  if (entries->size() > static_cast<size_t>(most_tokens)) refuse_tokenizer(file, "its vocabulary has too many tokens");
  UnigramPlan plan;
  for (const json& entry : *entries) {
    const auto id = static_cast<int32_t>(plan.scores.size());
    if (!entry.is_array() || entry.size() != 2 || !entry[0].is_string() || !entry[1].is_number())
      refuse_tokenizer(file, fmt::format("token {} of its vocabulary is not a text and a score", id));
    const auto& spelling = entry[0].get_ref<const std::string&>();
    if (spelling.size() > longest_token)
      refuse_tokenizer(file, fmt::format("token {} is too long", in_quotes(spelling)));
    vocabulary.add_twin(spelling, id);  // of tokens spelled alike the first counts
    plan.scores.push_back(entry[1].get<double>());
  }
  if (const json* unknown = field(model, "unk_id")) {
    plan.unknown = checked_id(*unknown, "unk_id", file);
    if (!vocabulary.has(plan.unknown)) refuse_tokenizer(file, fmt::format("its unk_id {} is no token", plan.unknown));
  }
  plan.falls_back_to_bytes = flag_field(model, "byte_fallback", false);
  return plan;
}

}  // namespace

ModelKind model_kind(const json& document, const std::string& file) {
  const json* model = field(document, "model");
  if (!model) refuse_tokenizer(file, "has no model; is it a tokenizer.json?");
  const std::string guess = field(*model, "merges")                      ? "BPE"
                            : field(*model, "unk_id")                    ? "Unigram"
                            : field(*model, "continuing_subword_prefix") ? "WordPiece"
                                                                         : "of no type";
  const std::string type = text_field(*model, "type", guess);
  if (type == "BPE") return ModelKind::byte_pairs;
  if (type == "Unigram") return ModelKind::unigram;
  if (type == "WordPiece") return ModelKind::word_piece;
  if (type == "WordLevel") return ModelKind::word_level;
  refuse_stage(file, "the model " + in_quotes(type));
}

bool model_takes_bytes(const json& model, ModelKind kind) {
  return kind == ModelKind::byte_pairs && text_field(model, "continuing_subword_prefix").empty() &&
         text_field(model, "end_of_word_suffix").empty() && !flag_field(model, "byte_fallback", false);
}

int32_t checked_id(const json& value, std::string_view token, const std::string& file) {
  if (!value.is_number_unsigned() || value.get<uint64_t>() >= static_cast<uint64_t>(most_tokens))
    refuse_tokenizer(file,
                     fmt::format("token {} has an id that is no whole number below {}", in_quotes(token), most_tokens));
  return value.get<int32_t>();
}

void read_vocabulary(const json& object, const std::string& file, Vocabulary& to) {
  for (const auto& [spelling, value] : object.items()) {
    if (spelling.size() > longest_token)
      refuse_tokenizer(file, fmt::format("token {} is too long", in_quotes(spelling)));
    const int32_t id = checked_id(value, spelling, file);
    if (!to.add(spelling, id))
      refuse_tokenizer(file, fmt::format("token {} has the id {} of another", in_quotes(spelling), id));
  }
}

Merge merge_of(const std::string& left, const std::string& right, uint32_t rank, const std::string& continuing,
               const Vocabulary& vocabulary, const std::string& file) {
  Merge merge{0, 0, 0, rank};
  const bool continues = !continuing.empty() && right.starts_with(continuing);
  const std::string result = left + (continues ? right.substr(continuing.size()) : right);
  for (auto [spelling, id] : {std::pair(&left, &merge.left), {&right, &merge.right}, {&result, &merge.result}}) {
    *id = vocabulary.find(*spelling);
    if (*id < 0)
      refuse_tokenizer(file, fmt::format("merge {} {} needs token {}, which is not in the vocabulary", in_quotes(left),
                                         in_quotes(right), in_quotes(*spelling)));
  }
  return merge;
}

Merge merge_of_line(const std::string& line, uint32_t rank, const std::string& continuing, const Vocabulary& vocabulary,
                    const std::string& file) {
  const size_t space = line.find(' ');
  if (space == std::string::npos || line.find(' ', space + 1) != std::string::npos)
    refuse_tokenizer(file, fmt::format("merge {} is not two tokens with a space between", in_quotes(line)));
  return merge_of(line.substr(0, space), line.substr(space + 1), rank, continuing, vocabulary, file);
}

void read_model(const json& model, ModelKind kind, bool of_bytes, const std::string& file, TokenizerPlan& to) {
  Vocabulary& vocabulary = *to.vocabulary;
  if (kind == ModelKind::unigram) {
    to.model = unigram_model(vocabulary, unigram_of(model, file, vocabulary));
    return;
  }
  const json* entries = field(model, "vocab");
  if (!entries || !entries->is_object() || entries->empty()) refuse_tokenizer(file, "has no vocabulary (model.vocab)");
  read_vocabulary(*entries, file, vocabulary);
  if (kind == ModelKind::byte_pairs) {
    const BytePairPlan plan = byte_pairs_of(model, file, vocabulary);
    if (auto cuts = !of_bytes && !to.cuts_text ? safe_cuts(vocabulary, plan) : std::nullopt)
      to.pre_tokenizers.push_back(*cuts);
    to.model = byte_pair_model(vocabulary, plan, of_bytes);
    return;
  }
  const std::string unknown = text_field(model, "unk_token", "[UNK]");
  const int32_t id = vocabulary.find(unknown);
  if (kind == ModelKind::word_level)
    to.model = word_level_model(vocabulary, id);
  else
    to.model = word_piece_model(vocabulary, text_field(model, "continuing_subword_prefix", "##"),
                                static_cast<size_t>(count_field(model, "max_input_chars_per_word", 100)), id);
}

}  // namespace stemma
