// EK-FAC curvature of the tracked linear layers (Grosse et al. 2023, eqs. 16-21), and its file.
//
// Per layer with inputs a (M) and output gradients g (P): Q_A (M,M) and Q_S (P,P) hold eigenvectors in their rows,
// lambda (P,M) the mean squared gradient in that basis. With O diagonal blocks (eq. 33) Q_A is (M, M/O) and Q_S
// (P, P/O), block after block: a row's zeros outside its block are left out. One file, HDF5:
// /layers/<name>/{q_a,q_s,lambda}.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "runtime/corpus/corpus.h"
#include "runtime/influence/documents.h"
#include "runtime/model/model.h"
#include "runtime/progress.h"
#include "runtime/ranks/ranks.h"

namespace stemma {

struct LayerChoice {
  std::string pattern = "all";  // of chosen_layers
  int blocks = 1;               // O, which must divide every chosen layer's inputs and outputs
};

struct LayerFactors {
  std::string name;                 // "blocks.0.attn.q"
  int64_t inputs = 0, outputs = 0;  // M, P
  std::vector<float> q_a;           // (M, M/O), row i is eigenvector i
  std::vector<float> q_s;           // (P, P/O)
  std::vector<float> lambda;        // (P, M)
  double damping = 0;               // 0.1 * mean(lambda)
};

struct Factors {
  std::string model_hash, corpus_hash, program, created, device, hash;
  LayerChoice choice;
  int64_t documents = 0, tokens = 0;
  uint64_t seed = 0;
  double seconds = 0;
  std::vector<LayerFactors> layers;  // those chosen, model block by model block, in the order of linears_of
};

struct FitOptions {
  uint64_t seed = 1;
  int64_t batch_tokens = usual_batch_tokens;
  std::filesystem::path unfinished;  // where the sums so far are kept (unfinished.h); empty: nowhere
  double pause = 10;                 // seconds between two such writings, at least
  LayerChoice choice;
  Ranks* ranks = nullptr;  // over which the fit is spread; null: alone
  bool trial = false;      // identities in place of the eigenbases: only to measure what the rest takes
};

// Two passes over the corpus with labels sampled from the model. Every rank returns the factors. Throws Error;
// cancelled.
Factors fit_factors(const Model& model, const Corpus& corpus, const FitOptions& options, const Control& control);
// The same over documents already packed; corpus_hash is left empty.
Factors fit_factors(const Model& model, const DocumentBatches& batches, const FitOptions& options,
                    const Control& control);
// How the fit's sums are formed: batches in a shard; shards whose sums may wait for an earlier one; whether tokens are
// turned into the eigenbasis, or gradients, by their counts of operations.
int64_t shard_batches(const DocumentBatches& batches);
int64_t shards_ahead(const Ranks& ranks);
bool tokens_first(const DocumentBatches& batches, int64_t inputs, int64_t outputs);
bool tokens_first(double tokens, int64_t inputs, int64_t outputs);  // of each document or query, on average

void save_factors(Factors& factors, const std::filesystem::path& path);  // replaced whole; sets `hash`
Factors load_factors(const std::filesystem::path& path);

// Fits and saves, on rank 0; on the way the sums are kept beside `path`, and an interrupted fit goes on from them.
Factors fit_factors_into(const std::filesystem::path& path, const Model& model, const Corpus& corpus,
                         FitOptions options, const Control& control);

}  // namespace stemma
