#include "runtime/influence/query.h"

#include <algorithm>

#include "runtime/influence/tracked.h"

namespace stemma {
namespace {

constexpr int64_t batch_tokens = 4096;

}  // namespace

size_t queries_at_once(const Model& model, double bytes) {
  double tracked = 0;
  for (size_t i = 0; i < tracked_count(model); ++i) tracked += static_cast<double>(tracked_weight(model, i).size());
  return static_cast<size_t>(std::max(1.0, bytes / (sizeof(float) * tracked)));
}

QueryGradients query_gradients(const Model& model, const std::vector<Query>& queries) {
  Ops& ops = *model.ops;
  const auto count = static_cast<int64_t>(queries.size());
  QueryGradients result;
  result.nats.resize(queries.size());
  for (size_t i = 0; i < tracked_count(model); ++i) {
    result.layers.emplace_back(model.ops, count, tracked_weight(model, i).size());
    result.layers.back().zero();
  }
  Workspace work(model);
  Buffer top;
  for (size_t first = 0; first < queries.size();) {
    // Each query is a segment of its own: the tokens before it, with labels on the span alone.
    Batch batch;
    std::vector<int32_t> targets;
    size_t last = first;
    for (; last < queries.size() && (last == first || batch.size() + queries[last].end <= batch_tokens); ++last) {
      const Query& q = queries[last];
      batch.add({q.tokens->begin(), q.tokens->begin() + q.end - 1});
      for (int32_t t = 1; t < q.end; ++t) targets.push_back(t >= q.begin ? (*q.tokens)[t] : -1);
    }
    std::vector<float> losses;
    const Tensor hidden = forward(work, batch);
    if (top.view().rows < batch.size()) top = Buffer(model.ops, batch.size(), model.config.width);
    const Tensor gradient = top.view().slice(0, batch.size());
    loss(model, hidden, targets, {.weight = -1}, losses, gradient);
    for (size_t q = first; q < last; ++q) {
      const Segment& s = batch.segments[q - first];
      for (int32_t n = s.query_begin; n < s.query_end; ++n) result.nats[q] += losses[n];
    }
    const LinearTap tap = [&](int layer, Linear which, Tensor a, Tensor g) {
      const Tensor rows = result.layers[tracked_index(model, layer, which)].view();
      ops.segment_outer(g, a, batch.segments, rows.slice(static_cast<int64_t>(first), static_cast<int64_t>(last)));
    };
    backward(work, batch, gradient, nullptr, &tap);
    first = last;
  }
  return result;
}

void precondition(const Model& model, const Factors& factors, QueryGradients& queries) {
  Ops& ops = *model.ops;
  for (size_t i = 0; i < queries.layers.size(); ++i) {
    const LayerFactors& f = factors.layers[i];
    const int64_t m = f.inputs, p = f.outputs;
    const auto put = [&](const std::vector<float>& host, int64_t rows, int64_t columns) {
      Buffer buffer(model.ops, rows, columns);
      buffer.upload(host.data());
      return buffer;
    };
    const Buffer q_a = put(f.q_a, m, m), q_s = put(f.q_s, p, p), lambda = put(f.lambda, p, m);
    Buffer half(model.ops, p, m), rotated(model.ops, p, m);
    const Tensor all = queries.layers[i].view();
    for (int64_t q = 0; q < all.rows; ++q) {
      const Tensor v{all.row(q), p, m};
      ops.matmul(q_s, false, v, false, half);
      ops.matmul(half, false, q_a, true, rotated);
      ops.divide_damped(rotated, lambda, static_cast<float>(f.damping), rotated);
      ops.matmul(q_s, true, rotated, false, half);
      ops.matmul(half, false, q_a, false, v);
    }
  }
}

}  // namespace stemma
