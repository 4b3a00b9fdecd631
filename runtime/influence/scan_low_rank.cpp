#include "runtime/influence/scan_low_rank.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "runtime/influence/pass.h"
#include "runtime/influence/tracked.h"

namespace stemma {
namespace {

constexpr int64_t most_numbers = 192 << 20;  // of expanded queries, and of what tokens score on the way: each block of
                                             // queries that does not fit forms the documents' gradients anew

int64_t queries_together(const Model& model, const LowRankQueries& queries, int64_t tokens) {
  std::vector<size_t> layers;
  int64_t rank = 1;
  for (size_t i = 0; i < queries.layers.size(); ++i) {
    if (queries.layers[i].rank > 0) layers.push_back(i);
    rank = std::max(rank, queries.layers[i].rank);
  }
  return low_rank_together(model, layers, rank, tokens, static_cast<int64_t>(queries.nats.size()));
}

// One side of a layer's queries as tokens meet it, (Q*r, width): in f32 the queries' own.
class Side {
 public:
  Side(const Model& model, const Buffer& queries, Precision precision) : all_(matrix_of(queries.view())) {
    if (!queries.view() || precision == Precision::f32) return;
    kept_ = BasicBuffer<uint16_t>(model.ops, all_.rows, all_.columns);
    model.ops->round(queries, kept_);
    all_ = matrix_of(kept_);
  }
  WeightMatrix rows(int64_t begin, int64_t end) const {
    return {all_.type, all_.row(begin), end - begin, all_.columns};
  }

 private:
  BasicBuffer<uint16_t> kept_;
  WeightMatrix all_;
};

}  // namespace

int64_t low_rank_together(const Model& model, const std::vector<size_t>& layers, int64_t rank, int64_t tokens,
                          int64_t count) {
  int64_t most = 1;
  for (const size_t i : layers) {
    const Tensor weight = tracked_weight(model, i);
    most = std::max({most, weight.size(), 2 * tokens * std::min({rank, weight.rows, weight.columns})});
  }
  return std::clamp<int64_t>(most_numbers / most, 1, std::max<int64_t>(1, count));
}

std::vector<Route> choose_routes(const Model& model, const LowRankQueries& queries, Precision precision,
                                 const DocumentBatches& batches) {
  const int64_t count = std::max<int64_t>(1, batches.batches());
  std::vector<Route> routes;
  for (size_t i = 0; i < queries.layers.size(); ++i) {
    const Tensor weight = tracked_weight(model, i);
    routes.push_back(cheaper_route({weight.columns, weight.rows, queries.layers[i].rank, batches.tokens() / count,
                                    batches.documents() / count, queries_together(model, queries, batches.largest())},
                                   precision));
  }
  return routes;
}

std::vector<float> scan(const Model& model, const LowRankQueries& queries, const std::vector<Route>& routes,
                        Precision precision, const DocumentBatches& batches, size_t corpus_documents,
                        const Control& control, UnfinishedWork* kept, Ranks* ranks) {
  Ops& ops = *model.ops;
  const auto count = static_cast<int64_t>(queries.nats.size());
  const int64_t together = count > 0 ? queries_together(model, queries, batches.largest()) : 1;
  std::optional<Model> quick;
  if (precision == Precision::bf16) quick = rounded(model);
  std::vector<std::pair<Side, Side>> sides;  // of L transposed and R
  for (size_t i = 0; i < queries.layers.size(); ++i) {
    const LowRankQueries::Layer& layer = queries.layers[i];
    const Precision met = routes[i] == Route::tokens ? precision : Precision::f32;
    sides.emplace_back(Side(model, layer.left, met), Side(model, layer.right, met));
  }
  DocumentPass pass(quick ? *quick : model);
  Room expanded(model), left_room(model), right_room(model), document_room(model), token_room(model);

  // Block after block of queries: `by_document` (documents, queries of the block), `by_token` (tokens, the same).
  const auto meet = [&](size_t i, Tensor a, Tensor g, const std::vector<Segment>& segments, int64_t first, int64_t last,
                        Tensor by_document, Tensor by_token) {
    const LowRankQueries::Layer& layer = queries.layers[i];
    const int64_t begin = first * layer.rank, end = last * layer.rank;
    if (routes[i] == Route::gradients) {
      const Tensor left = layer.left.view().slice(begin, end), right = layer.right.view().slice(begin, end),
                   all = expanded.of(last - first, g.columns * a.columns);
      for (int64_t q = 0; q < last - first; ++q) {
        const int64_t own = q * layer.rank, next = own + layer.rank;
        ops.matmul(left.slice(own, next), true, right.slice(own, next), false, {all.row(q), g.columns, a.columns});
      }
      ops.segment_scores(g, a, segments, all, by_document);
    } else {
      const Tensor seen = left_room.of(g.rows, end - begin), read = right_room.of(a.rows, end - begin);
      ops.linear(g, sides[i].first.rows(begin, end), seen);
      ops.linear(a, sides[i].second.rows(begin, end), read);
      const int64_t pairs = g.rows * (last - first);
      ops.row_dots({seen.data, pairs, layer.rank}, {read.data, pairs, layer.rank}, {by_token.data, pairs, 1});
    }
  };
  std::vector<float> documents, tokens;
  const auto score = [&](const LabelledBatch& labelled, std::vector<float>& scores, const auto& listen) {
    const auto& segments = labelled.batch.segments;
    const auto rows = labelled.batch.size(), found = static_cast<int64_t>(segments.size());
    const Tensor by_document = document_room.zeros(1, found * count), by_token = token_room.zeros(1, rows * count);
    pass.run(labelled, [&](int layer, Linear which, Tensor a, Tensor g) {
      listen();
      const size_t i = tracked_index(model, layer, which);
      if (queries.layers[i].rank == 0) return;
      for (int64_t first = 0; first < count; first += together) {
        const int64_t last = std::min(count, first + together);
        meet(i, a, g, segments, first, last, {by_document.data + found * first, found, last - first},
             {by_token.data + rows * first, rows, last - first});
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
          double sum = documents[static_cast<size_t>(found * first + d * block + q)];
          for (int32_t t = segments[static_cast<size_t>(d)].query_begin; t < segments[static_cast<size_t>(d)].query_end;
               ++t)
            sum += tokens[static_cast<size_t>(rows * first + t * block + q)];
          scores[static_cast<size_t>(d * count + first + q)] = static_cast<float>(sum);
        }
    }
  };
  return scan_batches(count, batches, corpus_documents, control, kept, ranks, score);
}

}  // namespace stemma
