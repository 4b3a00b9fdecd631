#include "runtime/influence/scan/scan_low_rank.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "kernels/influence/low_rank_scores.h"
#include "runtime/influence/pass.h"
#include "runtime/influence/tracked.h"

namespace stemma {
namespace {

constexpr int64_t most_numbers = 192 << 20;  // that a batch's tokens score on the way to their products with queries

// One side of a layer's queries as tokens meet it, (Q*r, width): in f32 the queries' own.
class Side {
 public:
  Side(const Model& model, const Buffer& queries, Precision precision) : all_(matrix_of(queries.view())) {
    if (!queries.view() || precision == Precision::f32) return;
    kept_ = BasicBuffer<uint16_t>(model.ops, all_.rows, all_.columns);
    all_ = matrix_of(kept_);
    model.ops->round(queries, all_);
  }
  WeightMatrix rows(int64_t begin, int64_t end) const {
    return {all_.type, all_.row(begin), end - begin, all_.columns};
  }

 private:
  BasicBuffer<uint16_t> kept_;
  WeightMatrix all_;
};

}  // namespace

int64_t met_by_tokens(int64_t tokens, int64_t rank, int64_t count) {
  return std::clamp<int64_t>(most_numbers / std::max<int64_t>(1, 2 * tokens * rank), 1, std::max<int64_t>(1, count));
}

LayerMeeting mean_meeting(Tensor weight, int64_t rank, int64_t count, const DocumentBatches& batches) {
  const int64_t runs = std::max<int64_t>(1, batches.batches());
  return {weight.columns, weight.rows, rank, batches.tokens() / runs, batches.documents() / runs, count};
}

std::vector<Route> choose_routes(const Model& model, const LowRankQueries& queries, Precision precision,
                                 const DocumentBatches& batches) {
  std::vector<Route> routes;
  for (size_t i = 0; i < queries.layers.size(); ++i)
    routes.push_back(cheaper_route(mean_meeting(tracked_weight(model, i), queries.layers[i].rank,
                                                static_cast<int64_t>(queries.nats.size()), batches),
                                   precision));
  return routes;
}

std::vector<float> scan(const Model& model, const LowRankQueries& queries, const std::vector<Route>& routes,
                        Precision precision, const DocumentBatches& batches, size_t corpus_documents,
                        const Control& control, UnfinishedWork* kept, Ranks* ranks) {
  Ops& ops = *model.ops;
  const auto count = static_cast<int64_t>(queries.nats.size());
  int64_t rank = 1;
  for (const LowRankQueries::Layer& layer : queries.layers) rank = std::max(rank, layer.rank);
  const int64_t together = met_by_tokens(batches.largest(), rank, count);
  std::optional<Model> quick;
  if (precision == Precision::bf16) quick = rounded(model);
  std::vector<std::pair<Side, Side>> sides;  // of L transposed and R
  for (size_t i = 0; i < queries.layers.size(); ++i) {
    const LowRankQueries::Layer& layer = queries.layers[i];
    const Precision met = routes[i] == Route::tokens ? precision : Precision::f32;
    sides.emplace_back(Side(model, layer.left, met), Side(model, layer.right, met));
  }
  DocumentPass pass(quick ? *quick : model);
  LowRankScores by_gradients(model.ops);
  Room left_room(model), right_room(model), document_room(model), token_room(model);

  // Queries block after block: `by_token` is (tokens, queries of the block).
  const auto meet_tokens = [&](size_t i, Tensor a, Tensor g, int64_t first, int64_t last, Tensor by_token) {
    const int64_t r = queries.layers[i].rank, begin = first * r, end = last * r;
    const Tensor seen = left_room.of(g.rows, end - begin), read = right_room.of(a.rows, end - begin);
    ops.linear(g, sides[i].first.rows(begin, end), seen);
    ops.linear(a, sides[i].second.rows(begin, end), read);
    const int64_t pairs = g.rows * (last - first);
    ops.row_dots({seen.data, pairs, r}, {read.data, pairs, r}, {by_token.data, pairs, 1});
  };
  std::vector<float> documents, tokens;
  const auto score = [&](const LabelledBatch& labelled, std::vector<float>& scores, const auto& listen) {
    const auto& segments = labelled.batch.segments;
    const auto rows = labelled.batch.size(), found = static_cast<int64_t>(segments.size());
    const Tensor by_document = document_room.zeros(found, count), by_token = token_room.zeros(1, rows * count);
    pass.run(labelled, [&](int layer, Linear which, Tensor a, Tensor g) {
      listen();
      const size_t i = tracked_index(model, layer, which);
      if (queries.layers[i].rank == 0 || count == 0) return;
      if (routes[i] == Route::gradients)
        return by_gradients.add(g, a, segments, queries.layers[i].left, queries.layers[i].right, by_document,
                                precision == Precision::bf16);
      for (int64_t first = 0; first < count; first += together) {
        const int64_t last = std::min(count, first + together);
        meet_tokens(i, a, g, first, last, {by_token.data + rows * first, rows, last - first});
      }
    });
    documents.resize(static_cast<size_t>(found * count));
    tokens.resize(static_cast<size_t>(rows * count));
    ops.download(documents.data(), by_document.data, sizeof(float) * documents.size());
    ops.download(tokens.data(), by_token.data, sizeof(float) * tokens.size());
    for (int64_t first = 0; first < count; first += together) {
      const int64_t block = std::min(count, first + together) - first;
      for (int64_t d = 0; d < found; ++d)
        for (int64_t q = 0; q < block; ++q) {
          const auto place = static_cast<size_t>(d * count + first + q);
          double sum = documents[place];
          for (int32_t t = segments[static_cast<size_t>(d)].query_begin; t < segments[static_cast<size_t>(d)].query_end;
               ++t)
            sum += tokens[static_cast<size_t>(rows * first + t * block + q)];
          scores[place] = static_cast<float>(sum);
        }
    }
  };
  return scan_batches(count, batches, corpus_documents, control, kept, ranks, score);
}

}  // namespace stemma
