#include "runtime/influence/scan.h"

#include <algorithm>

#include "runtime/influence/pass.h"
#include "runtime/influence/tracked.h"

namespace stemma {

std::vector<float> scan(const Model& model, const QueryGradients& queries, const DocumentBatches& batches,
                        size_t corpus_documents, const Control& control, UnfinishedWork* kept, Ranks* ranks) {
  Ops& ops = *model.ops;
  const auto count = static_cast<int64_t>(queries.nats.size());
  DocumentPass pass(model);
  Room room(model);
  return scan_batches(count, batches, corpus_documents, control, kept, ranks,
                      [&](const LabelledBatch& labelled, std::vector<float>& scores) {
                        const auto& segments = labelled.batch.segments;
                        const Tensor sums = room.zeros(static_cast<int64_t>(segments.size()), count);
                        pass.run(labelled, [&](int layer, Linear which, Tensor a, Tensor g) {
                          const Tensor asked = queries.layers[tracked_index(model, layer, which)];
                          if (asked) ops.segment_scores(g, a, segments, asked, sums);
                        });
                        ops.download(scores.data(), sums.data, sizeof(float) * scores.size());
                      });
}

Decomposition decompose(const Model& model, const QueryGradients& queries, size_t first, size_t last,
                        const LabelledBatch& documents) {
  Ops& ops = *model.ops;
  const auto count = static_cast<int64_t>(last - first), rows = documents.batch.size();
  const auto segments = static_cast<int64_t>(documents.batch.segments.size()), blocks = int64_t{model.config.layers};
  Decomposition result;
  result.tokens.assign(static_cast<size_t>(count * rows), 0.0f);
  result.layers.assign(static_cast<size_t>(count * segments * blocks), 0.0f);
  DocumentPass pass(model);
  int64_t widest = 0;  // outputs of a tracked layer
  for (size_t i = 0; i < tracked_count(model); ++i) widest = std::max(widest, tracked_weight(model, i).rows);
  Buffer dots(model.ops, rows, 1), images(model.ops, rows, widest);
  std::vector<float> host(static_cast<size_t>(rows));
  pass.run(documents, [&](int layer, Linear which, Tensor a, Tensor g) {
    // <V, g_t a_t^T> = g_t . V a_t for every token t.
    const Tensor all = queries.layers[tracked_index(model, layer, which)].view();
    if (!all) return;
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
