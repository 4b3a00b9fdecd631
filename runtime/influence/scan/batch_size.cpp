#include "runtime/influence/scan/batch_size.h"

#include <algorithm>

#include "runtime/influence/scan/routes.h"
#include "runtime/influence/tracked.h"

namespace stemma {
namespace {

constexpr int64_t step = 256;  // tokens
constexpr double hardly_more = 1.02;
constexpr int64_t most_read = 16 << 20;  // numbers, by each batch of threads that take them one each

}  // namespace

double scan_operations_a_token(const Model& model, const ScanQueries& queries, double document_tokens,
                               int64_t batch_tokens) {
  const auto batch = static_cast<double>(batch_tokens), count = static_cast<double>(queries.count);
  const double faster = queries.rank > 0 && queries.precision == Precision::bf16 ? 2 : 1;
  const auto documents = std::max<int64_t>(1, static_cast<int64_t>(batch / document_tokens));
  double passed = static_cast<double>(model.config.vocabulary) * model.config.width, meetings = 0;
  for (size_t i = 0; i < tracked_count(model); ++i) passed += static_cast<double>(tracked_weight(model, i).size());
  for (const size_t i : chosen_layers(model, queries.choice.pattern)) {
    const Tensor weight = tracked_weight(model, i);
    LayerMeeting m{weight.columns, weight.rows, 0, batch_tokens, documents, queries.count};
    if (queries.rank == 0) {
      meetings += operations(Route::gradients, m) + read_operations * static_cast<double>(weight.size()) * count;
      continue;
    }
    m.rank = std::min({queries.rank, weight.rows, weight.columns});
    const Route route = cheaper_route(m, queries.precision);
    meetings += operations(route, m) / (route == Route::tokens ? faster : 1);
  }
  return 4 * passed / faster + meetings / batch;
}

int64_t scan_batch_tokens(const Model& model, const ScanQueries& queries, const CorpusLength& corpus) {
  const double usual = pass_bytes(model, usual_batch_tokens),
               more = pass_bytes(model, usual_batch_tokens + step) - usual;  // bytes of a step
  const int64_t in_memory = usual_batch_tokens + static_cast<int64_t>((batch_bytes - usual) / more) * step;
  // Of a short corpus, half in a batch at most.
  const int64_t shared = std::max(std::min(short_batch_tokens, corpus.tokens / 2), corpus.tokens / least_batches);
  const int64_t most = std::min({most_batch_tokens, in_memory, shared / step * step});
  if (most <= usual_batch_tokens) return usual_batch_tokens;
  const double mean = static_cast<double>(corpus.tokens) / static_cast<double>(std::max<int64_t>(1, corpus.documents));
  const auto cost = [&](int64_t tokens) { return scan_operations_a_token(model, queries, mean, tokens); };
  const double enough = hardly_more * cost(most);
  int64_t tokens = usual_batch_tokens;
  while (tokens < most && cost(tokens) > enough) tokens += step;
  return tokens;
}

int64_t scan_batch_tokens(const Model& model, const ScanQueries& queries, const DocumentBatches& batches) {
  return scan_batch_tokens(model, queries, CorpusLength{batches.documents(), batches.tokens()});
}

bool threads_take_batches(const Model& model, int64_t queries) {
  int64_t weights = 0;
  for (size_t i = 0; i < tracked_count(model); ++i) weights += tracked_weight(model, i).size();
  return weights * (1 + queries) <= most_read && model.ops->device() == "cpu";
}

}  // namespace stemma
