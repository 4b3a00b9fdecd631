// What the training documents did to each step of a trace.
//
// Scores: I(d, s) = grad log p(s | before)^T (G + lambda I)^-1 grad log p(d), summed over the tracked layers; EK-FAC of
// Grosse et al. 2023, eqs. 20-25. Unit: nats of log p(step) gained per document of weight one, divided by the number of
// documents the curvature stands for; positive = made the step more likely (proponent), negative = opponent.
// S steps, D documents scanned.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runtime/influence/precision.h"
#include "runtime/influence/questions/asked_span.h"
#include "runtime/influence/tables/shared_texts.h"

namespace stemma {

// Which tokens of a document its score is put down to, whole either way (Grosse et al. appendix B): those at whose places
// the gradient arises, or those that are predicted. Nothing predicts a document's first token, and its last nothing.
enum class TokenPart { read, predicted };

// A document as it is shown: text, and where it comes from.
struct ShownDocument {
  int32_t index = 0;       // among the D scanned
  std::string id;          // "corpus.jsonl.zst:123456" file and byte offset: unique
  std::string name;        // the document's own id in its corpus, or empty
  std::string source;      // "forum", "encyclopaedia", ...
  std::string text;
  std::vector<uint32_t> token_offsets;  // (t+1) byte offsets of its t tokens
  // What each token contributes, as it is read (S, t) and as it is predicted (S, t; empty in older sessions), and each
  // layer (S, L). Rows sum to the document's score.
  std::vector<float> token_scores, output_scores, layer_scores;

  std::span<const float> scores_of(TokenPart part, int row) const;  // (t); empty where there are none

  int32_t tokens() const { return token_offsets.empty() ? 0 : static_cast<int32_t>(token_offsets.size()) - 1; }
};

// Where a scan of low rank came first, and what it chose was scored again.
struct FirstStage {
  int32_t rank = 0;      // of the first stage's queries; 0: there was none, every score is exact
  Precision precision = Precision::f32;
  int32_t rescored = 0;  // documents whose scores are exact: the strongest of each step, on either side
  double error = 0;      // |V - L R| / |V|, the largest of the steps: what the rank leaves out of a query
  double recall = 1;     // mean share of the exact first 100 that the first stage had among its own
};

struct InfluenceTable {
  std::string trace_id;
  std::string method;  // "ekfac", "gradient"; of a question of one's own also which: "ekfac of tokens 12-14"
  std::optional<AskedSpan> asked;  // what its one row is about; nothing where its rows are steps
  std::string model_hash, factors_hash, corpus_hash;
  std::string device, program, created;
  int64_t corpus_documents = 0;  // in the corpus; D of them were scanned
  double seconds = 0;
  // Answered from an index: its hash, how many documents were searched by their estimates, the seconds until these were
  // there, and what share of the first places those of the D hold that were scored last (index/candidates.h; 0: as many
  // were scored as were asked for). Else empty and 0.
  std::string index_hash;
  int64_t searched = 0;
  double search_seconds = 0, late = 0;
  int32_t estimated = 0;  // of the D, documents whose scores are estimates yet; of a finished table none

  int32_t steps = 0, documents = 0, layers = 0;
  std::vector<int32_t> step_index;  // (S) index of each row's step in Trace::steps
  std::vector<float> nats;          // (S) -log p(step | before)
  std::vector<float> scores;        // (S, D)
  int32_t top = 0;                  // N: proponents kept per step, and as many opponents
  std::vector<int32_t> top_documents;     // (S, N) indices among D, strongest first
  std::vector<int32_t> bottom_documents;  // (S, N) most negative first
  SharedTexts document_ids;               // (D) "file:offset"
  SharedTexts document_sources;           // (D)
  std::vector<ShownDocument> shown;       // every document named in top and bottom, by index
  // Largest relative difference between the steps' sum and the whole completion's score, of the documents shown; NaN
  // where the rows are no steps.
  double additivity = 0;
  FirstStage first_stage;

  float score(int32_t step, int32_t document) const { return scores[static_cast<size_t>(step) * documents + document]; }
  const ShownDocument* find(int32_t document) const;  // null if not shown
};

// A step the model was all but certain of: its gradient is tiny, and factors of other sampled labels change its
// ranking.
inline constexpr float certain_step_nats = 0.1f;

// Why a table whose `top` is 0 names no document.
inline constexpr const char* only_scores_kept =
    "Of these documents only the scores were kept (--top 0); attribute again to see documents.";

}  // namespace stemma
