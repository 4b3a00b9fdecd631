#include "runtime/influence/scan.h"

#include <algorithm>

#include "runtime/influence/document_pass.h"
#include "runtime/influence/tracked.h"

namespace stemma {

std::vector<float> scan(const Model& model, const QueryGradients& queries, const DocumentBatches& batches,
                        size_t corpus_documents, const Control& control, UnfinishedWork* kept) {
  const std::string stage = "scanning the documents";
  Ops& ops = *model.ops;
  const auto count = static_cast<int64_t>(queries.nats.size());
  std::vector<float> scores(static_cast<size_t>(count) * corpus_documents, 0.0f);
  int64_t begin = 0;
  if (kept && kept->stage() == stage && kept->done() <= batches.batches()) {
    scores = kept->part("scores", scores.size());
    begin = kept->done();
  }
  DocumentPass pass(model);
  Buffer dots;
  const auto room = [&](Buffer& buffer, int64_t size) {
    if (buffer.view().size() < size) buffer = Buffer(model.ops, 1, size);
    return buffer.view().data;
  };
  std::vector<float> host;
  const auto visit = [&](const LabelledBatch& labelled, const std::vector<int32_t>& members) {
    const auto documents = static_cast<int64_t>(members.size());
    const Tensor sums{room(dots, documents * count), documents, count};
    ops.zero(sums.data, sizeof(float) * static_cast<size_t>(sums.size()));
    pass.run(labelled, [&](int layer, Linear which, Tensor a, Tensor g) {
      ops.segment_scores(g, a, labelled.batch.segments, queries.layers[tracked_index(model, layer, which)], sums);
    });
    host.resize(static_cast<size_t>(sums.size()));
    ops.download(host.data(), sums.data, sizeof(float) * host.size());
    for (int64_t d = 0; d < documents; ++d)
      for (int64_t q = 0; q < count; ++q) scores[static_cast<size_t>(q) * corpus_documents + members[d]] = host[d * count + q];
  };
  batches.each(stage, control, visit, begin, [&](int64_t done, bool stopping) {
    if (kept && (stopping || kept->due())) kept->keep(stage, done, [&](const auto& put) { put("scores", scores); });
  });
  return scores;
}

Decomposition decompose(const Model& model, const QueryGradients& queries, size_t first, size_t last,
                        const LabelledBatch& documents) {
  Ops& ops = *model.ops;
  const auto count = static_cast<int64_t>(last - first), rows = documents.batch.size();
  const auto segments = static_cast<int64_t>(documents.batch.segments.size()), blocks = int64_t{model.config.layers};
  Decomposition result;
  result.tokens.assign(static_cast<size_t>(count * rows), 0.0f);
  result.layers.assign(static_cast<size_t>(count * segments * blocks), 0.0f);
  int64_t widest = 0;  // outputs of a tracked layer
  for (size_t i = 0; i < tracked_count(model); ++i) widest = std::max(widest, tracked_weight(model, i).rows);
  DocumentPass pass(model);
  Buffer dots(model.ops, rows, 1), images(model.ops, rows, widest);
  std::vector<float> host(static_cast<size_t>(rows));
  pass.run(documents, [&](int layer, Linear which, Tensor a, Tensor g) {
    // <V, g_t a_t^T> = g_t . V a_t for every token t.
    const Tensor all = queries.layers[tracked_index(model, layer, which)].view();
    const Tensor image{images.view().data, rows, g.columns};
    for (int64_t q = 0; q < count; ++q) {
      ops.matmul(a, false, {all.row(static_cast<int64_t>(first) + q), g.columns, a.columns}, true, image);
      dots.zero();
      ops.row_dots(image, g, dots);
      dots.download(host.data());
      for (int64_t s = 0; s < segments; ++s)
        for (int32_t t = documents.batch.segments[s].query_begin; t < documents.batch.segments[s].query_end; ++t) {
          result.tokens[q * rows + t] += host[t];
          result.layers[(q * segments + s) * blocks + layer] += host[t];
        }
    }
  });
  return result;
}

}  // namespace stemma
