// A session: traces, what influenced them, and where their activations lie. The only file that knows data set names.
//
// Two files. S.h5 is small and replaced whole at every save (written beside, synced, renamed). S.activations.h5 is
// large and only appended to; S.h5 holds external links into it. A third, S.h5.running, is the log of a generation in
// hand: opening a session recovers from it what a crash left.
//
//   /                      attrs: format="stemma-session", version, created, program
//   /models/<hash>         attrs: name, architecture, path, layers, width, heads, dtype, tokenizer
//   /traces/<id>           attrs: title, model, system, prompt, seed, sampler (JSON), stop_reason, completed, created,
//                          device, order (of the traces); where known: expected, thought_start
//     tokens (T) i32  text (utf-8)  token_offsets (T+1) u32  attr prompt_tokens
//     logprob (T) f32  entropy (T) f32  top_ids (T,K) i32  top_logprobs (T,K) f32  top_texts (T,K)
//     steps/ begin (S) end (S) i32  kind (S)  label (S)  labelled_by (S)
//     activations/<site>   (T,C) f16, TransformerLens names (runtime/model/sites.h); external links
//                          attrs: source="recorded"; where the recording was checked against the log-probabilities that
//                          were sampled from: check_tokens, check_nats, check_top1
//     attention/steps      (L,H,S,S) f16: over the tokens of step i, the mean of the summed weights on the tokens of
//                          step j, so that each row sums to 1; attr source="recomputed"
//     attention/mean       (L,S,S) f32: of those over the heads (not in sessions of earlier versions)
//     influence/<method>/  scores (S,D) f32  per_nat (S,D) f32  nats (S)  step (S)  top (S,N) bottom (S,N) i32
//                          document_ids (D)  document_sources (D); attrs: provenance; of an answer
//                          from an index also index, searched, search_seconds, and D are the documents scored exactly
//                          documents/<index>/ token_scores (S,t) output_scores (S,t) layer_scores (S,L); attr id:
//                          tokens as they are read, and as they are predicted (not in sessions of earlier versions)
//   /corpora/<hash>        attrs: documents; documents/<id>: attrs text, source, name; token_offsets (t+1)
//
// In the names of links '/' is written %2F and '%' %25. Texts that are equal in several tables are one data set.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "runtime/influence/tables/table.h"
#include "runtime/trace/trace.h"

namespace stemma {

inline constexpr int session_version = 1;

// What a session remembers of a model, without its weights.
struct ModelFacts {
  std::string hash, name, architecture, path, dtype, tokenizer_hash;
  int layers = 0, width = 0, heads = 0;
  std::string commit;  // of the snapshot in a Hugging Face cache that it was; else empty
};

// The recorded activations of one trace at one site, as a matrix.
struct Recorded {
  std::string site;  // "blocks.3.hook_resid_post"
  int64_t tokens = 0, width = 0;
  std::vector<float> values;  // (tokens, width)
};

// What the recorded residual stream says of itself: final norm and unembedding of the last layer's, as stored, against
// the log-probabilities of the tokens that were written.
struct CaptureCheck {
  int64_t tokens = 0;  // compared
  double nats = 0;     // the largest difference; infinite where the recording gives no number
  double top1 = 0;     // share of tokens at which the most likely token is the same
};

// Attention from step to step, averaged over their tokens as the data set attention/steps says.
struct StepAttention {
  int64_t layers = 0, heads = 0, steps = 0;
  std::vector<uint16_t> means;    // (L,H,S,S) halves; of one head of a layer (S,S)
  std::vector<float> mean;        // of a layer (S,S): over its heads, in place of `means`
  int64_t layer = -1, head = -1;  // what alone is held; -1: all
};
// Over the heads of `means` (heads, numbers).
std::vector<float> mean_of_heads(std::span<const uint16_t> means, int64_t heads);

// A value: copy it to hand it to another thread. Loading, saving and reading activations belong to the archive thread.
struct Session {
  std::filesystem::path path;  // empty: not saved yet
  std::string created, program;
  std::map<std::string, ModelFacts> models;  // by hash
  std::vector<Trace> traces;
  std::map<std::pair<std::string, std::string>, InfluenceTable> influence;  // by (trace id, method)
  std::map<std::string, std::vector<std::string>> activations;              // trace id -> recorded sites
  std::map<std::string, CaptureCheck> checks;  // by trace id, of recordings that were checked
  // By trace id; null where it lies in the file alone, for read_step_attention.
  std::map<std::string, std::shared_ptr<const StepAttention>> attention;

  const Trace* find(const std::string& trace_id) const;
  Trace* find(const std::string& trace_id);
  const InfluenceTable* table(const std::string& trace_id, const std::string& method) const;
  std::string new_trace_id(int64_t ahead = 0) const;  // "t001", ...; behind as many new ones
};

std::filesystem::path activations_path(const std::filesystem::path& session);  // S.h5 -> S.activations.h5
std::filesystem::path running_path(const std::filesystem::path& session);      // S.h5 -> S.h5.running

// Throws Error: not found, no session, newer version, damaged (naming the object).
// Recovers a generation that a crash interrupted: its finished steps become an incomplete trace, and `note` says so.
Session load_session(const std::filesystem::path& path, std::string* note = nullptr);
// A generation that still runs, here or in another program, is left alone.
// Is there a session, or the log of a first generation that a crash cut off before there was one?
bool session_exists(const std::filesystem::path& path);
// Replaces the file whole; a failure (full disk) leaves the old file as it was. Throws Error: another program generates
// into it, or has replaced it since this one loaded or saved it.
void save_session(Session& session, const std::filesystem::path& path);
// After a crash: the tokens that all sites of the trace hold. Throws Error if the trace has no such recording.
Recorded read_activations(const std::filesystem::path& session, const std::string& trace_id, const std::string& site);
// Throws Error where the trace has none, or not this layer or head. `layer`: `head` of it alone, or the mean over its
// heads (-1); else all.
StepAttention read_step_attention(const std::filesystem::path& session, const std::string& trace_id, int64_t layer = -1,
                                  int64_t head = -1);

}  // namespace stemma
