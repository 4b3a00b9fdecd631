#include "runtime/influence/scan/scan.h"

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
                      [&](const LabelledBatch& labelled, std::vector<float>& scores, const auto& listen) {
                        const auto& segments = labelled.batch.segments;
                        const Tensor sums = room.zeros(static_cast<int64_t>(segments.size()), count);
                        pass.run(labelled, [&](int layer, Linear which, Tensor a, Tensor g) {
                          listen();
                          const Tensor asked = queries.layers[tracked_index(model, layer, which)];
                          if (asked) ops.segment_scores(g, a, segments, asked, sums);
                        });
                        ops.download(scores.data(), sums.data, sizeof(float) * scores.size());
                      });
}

}  // namespace stemma
