#include "runtime/influence/tables/decompose.h"

#include "runtime/influence/tracked.h"

namespace stemma {

std::vector<Decomposition> Decomposer::of(const LabelledBatch& labelled, std::span<const Asked> asked) {
  Ops& ops = *model_.ops;
  const auto& segments = labelled.batch.segments;
  const auto blocks = static_cast<size_t>(model_.config.layers);
  struct Rows {
    std::vector<int32_t> document;  // of each row of the documents, its place among them
    IdBuffer ids;                   // those rows of the batch; none: all
  };
  std::vector<Rows> rows;
  std::vector<Decomposition> results;
  for (const Asked& one : asked) {
    Rows& r = rows.emplace_back();
    std::vector<int32_t> ids;
    for (size_t i = 0; i < one.documents.size(); ++i) {
      const Segment& s = segments[static_cast<size_t>(one.documents[i])];
      for (int32_t t = s.query_begin; t < s.query_end; ++t) {
        ids.push_back(t);
        r.document.push_back(static_cast<int32_t>(i));
      }
    }
    const auto count = static_cast<int64_t>(ids.size());
    if (count > 0 && count < labelled.batch.size()) {
      r.ids = IdBuffer(model_.ops, count, 1);
      r.ids.upload(ids.data());
    }
    const size_t queries = one.last - one.first;
    results.push_back(
        {std::vector<float>(queries * ids.size()), std::vector<float>(queries * one.documents.size() * blocks)});
  }
  std::vector<float> host;
  pass_.run(labelled, [&](int layer, Linear which, Tensor a, Tensor g) {
    // <V, g_t a_t^T> = g_t . V a_t for every token t.
    for (size_t i = 0; i < asked.size(); ++i) {
      const auto count = static_cast<int64_t>(rows[i].document.size());
      if (asked[i].first == asked[i].last || count == 0) continue;
      const Tensor all = asked[i].gradients->layers[tracked_index(model_, layer, which)].view();
      if (!all) continue;
      const auto own = [&](Room& room, Tensor x) {
        if (!rows[i].ids.view()) return x;
        const Tensor taken = room.of(count, x.columns);
        ops.embed(rows[i].ids, x, taken);
        return taken;
      };
      const Tensor inputs = own(inputs_, a), gradients = own(gradients_, g), image = images_.of(count, g.columns);
      host.resize(static_cast<size_t>(count));
      float *tokens = results[i].tokens.data(), *layers = results[i].layers.data() + layer;
      for (size_t q = asked[i].first; q < asked[i].last; ++q) {
        ops.matmul(inputs, false, {all.row(static_cast<int64_t>(q)), g.columns, a.columns}, true, image);
        const Tensor dots = dots_.zeros(count, 1);
        ops.row_dots(image, gradients, dots);
        ops.download(host.data(), dots.data, sizeof(float) * host.size());
        for (size_t n = 0; n < host.size(); ++n) {
          tokens[n] += host[n];
          layers[static_cast<size_t>(rows[i].document[n]) * blocks] += host[n];
        }
        tokens += host.size();
        layers += asked[i].documents.size() * blocks;
      }
    }
  });
  return results;
}

}  // namespace stemma
