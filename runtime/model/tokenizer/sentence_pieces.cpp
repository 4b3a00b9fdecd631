#include "runtime/model/tokenizer/sentence_pieces.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "runtime/error.h"
#include "runtime/model/files/json_file.h"
#include "runtime/model/tokenizer/byte_alphabet.h"
#include "runtime/model/tokenizer/byte_pair_model.h"
#include "runtime/model/tokenizer/families.h"
#include "runtime/model/tokenizer/json_stages.h"
#include "runtime/model/tokenizer/precompiled.h"
#include "runtime/model/tokenizer/safe_cuts.h"
#include "runtime/model/tokenizer/sources.h"
#include "runtime/model/tokenizer/unigram_model.h"
#include "runtime/model/tokenizer/whole_word_models.h"

namespace stemma {

namespace {

using Piece = SentencePieces::Piece;

// The higher the score the lower the rank; equal scores share one.
std::vector<uint32_t> ranks_of_scores(const std::vector<Piece>& pieces) {
  std::vector<float> scores;
  for (const Piece& piece : pieces) scores.push_back(piece.score);
  std::sort(scores.begin(), scores.end(), std::greater<>());
  scores.erase(std::unique(scores.begin(), scores.end()), scores.end());
  std::vector<uint32_t> ranks;
  for (const Piece& piece : pieces) {
    const auto place = std::lower_bound(scores.begin(), scores.end(), piece.score, std::greater<>());
    ranks.push_back(piece.kind == PieceKind::normal ? static_cast<uint32_t>(place - scores.begin()) : ~0u);
  }
  return ranks;
}

void add_pieces(const SentencePieces& from, const std::string& file, TokenizerPlan& to) {
  const std::vector<Piece>& pieces = from.pieces;
  for (size_t i = 0; i < pieces.size(); ++i) {
    const Piece& piece = pieces[i];
    const auto id = static_cast<int32_t>(i);
    if (piece.text.size() > longest_token || !std::isfinite(piece.score))
      throw Error(ErrorCode::bad_file, fmt::format("{}: piece {} is too long or has no finite score", file, i));
    to.vocabulary->add_twin(piece.text, id);
    const bool added =
        piece.kind == PieceKind::control || piece.kind == PieceKind::unknown ||
        (piece.kind == PieceKind::user_defined && from.model != PieceModel::words &&  // which only looks at whole words
         piece.text.find(' ') == std::string::npos);                                  // spaces are spelled by then
    if (!added || piece.text.empty() || to.vocabulary->find(piece.text) != id) continue;
    AddedToken token;
    token.id = id;
    token.content = piece.text;
    token.special = piece.kind != PieceKind::user_defined;
    // Where spaces are changed, what stands beside a symbol counts; symbols of spaces are found once those are spelled.
    token.normalized = token.is_normal =
        (from.single_spaces && !token.special) || piece.text.find(underscore) != std::string::npos;
    to.add(std::move(token), file);
  }
}

std::vector<AddedToken> symbols_of(const SentencePieces& from) {
  std::vector<AddedToken> symbols;
  for (const Piece& piece : from.pieces)
    if (piece.kind == PieceKind::user_defined && !piece.text.empty()) symbols.push_back({.content = piece.text});
  return symbols;
}

// May add to the steps of `plan`.
std::unique_ptr<const WordModel> model_of(const SentencePieces& from, TokenizerPlan& plan) {
  const bool falls_back = std::any_of(from.pieces.begin(), from.pieces.end(),
                                      [](const Piece& piece) { return piece.kind == PieceKind::byte; });
  if (from.model == PieceModel::unigram) {
    UnigramPlan unigram;
    for (const Piece& piece : from.pieces) {
      unigram.scores.push_back(piece.score);
      unigram.user_defined.push_back(piece.kind == PieceKind::user_defined);
      unigram.hidden.push_back(piece.kind != PieceKind::normal && piece.kind != PieceKind::user_defined);
    }
    unigram.unknown = from.unknown;
    unigram.falls_back_to_bytes = falls_back;
    unigram.sums_floats = true;
    return unigram_model(*plan.vocabulary, std::move(unigram));
  }
  if (from.model == PieceModel::words) return spaced_words_model(*plan.vocabulary, from.unknown, falls_back);
  BytePairPlan pairs;  // of characters: without merges
  if (from.model == PieceModel::byte_pairs)
    pairs.merges = merges_of_ranks(*plan.vocabulary, ranks_of_scores(from.pieces));
  pairs.unknown = from.unknown >= 0 ? from.pieces[static_cast<size_t>(from.unknown)].text : "";
  pairs.fuses_unknown = true;
  pairs.falls_back_to_bytes = falls_back;
  if (auto cuts = safe_cuts(*plan.vocabulary, pairs)) plan.pre_tokenizers.push_back(*cuts);
  return byte_pair_model(*plan.vocabulary, pairs, false);
}

}  // namespace

TokenizerPlan plan_of_pieces(const SentencePieces& from, const std::string& file) {
  if (from.pieces.empty() || from.pieces.size() > static_cast<size_t>(most_tokens))
    throw Error(ErrorCode::bad_file, fmt::format("{}: {} pieces are no vocabulary", file, from.pieces.size()));
  TokenizerPlan plan;
  add_pieces(from, file, plan);
  if (!from.charsmap.empty())
    plan.normalizers.push_back(precompiled(from.charsmap, Longest::of_text, file, symbols_of(from)));
  if (from.single_spaces) plan.normalizers.push_back(single_spaces());
  const nlohmann::json stages = sentencepiece_stages(from.prefix_space);
  const bool prefixes_once = from.prefix_space && !from.prefixes_each;
  read_normalizers(prefixes_once ? sentencepiece_stages(false) : stages, file, plan);
  if (prefixes_once) {
    plan.pre_tokenizers.push_back(metaspace(std::string(underscore), PrependScheme::first, false));
    plan.looks_at_origins = true;
  }
  read_decoder(stages, file, plan);
  if (from.single_spaces) plan.decoder.whole.push_back(decode_strip(" ", longest_token, 0));
  plan.model = model_of(from, plan);
  plan.bos = from.bos;
  plan.eos = from.eos;
  return plan;
}

}  // namespace stemma
