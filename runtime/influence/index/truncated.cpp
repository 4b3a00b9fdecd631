#include "runtime/influence/index/truncated.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace stemma {
namespace {

// The `most` largest sums' places, in rising order.
std::vector<int64_t> largest(const std::vector<double>& sums, int64_t most) {
  std::vector<int64_t> places(sums.size());
  std::iota(places.begin(), places.end(), int64_t{0});
  std::ranges::stable_sort(places, [&](int64_t a, int64_t b) { return sums[a] > sums[b]; });
  places.resize(std::min<size_t>(places.size(), static_cast<size_t>(most)));
  std::ranges::sort(places);
  return places;
}

Buffer rows_of(const std::shared_ptr<Ops>& ops, const std::vector<float>& matrix, int64_t columns,
               const std::vector<int64_t>& rows) {
  std::vector<float> chosen;
  for (const int64_t row : rows)
    chosen.insert(chosen.end(), matrix.begin() + row * columns, matrix.begin() + (row + 1) * columns);
  Buffer buffer(ops, static_cast<int64_t>(rows.size()), columns);
  buffer.upload(chosen.data());
  return buffer;
}

}  // namespace

TruncatedGradients::TruncatedGradients(const Model& model, const Factors& factors, int64_t side)
    : ops_(model.ops), rotated_a_(model), rotated_g_(model), kept_(model) {
  for (const LayerFactors& f : factors.layers) {
    const int64_t m = f.inputs, p = f.outputs;
    std::vector<double> of_rows(static_cast<size_t>(p)), of_columns(static_cast<size_t>(m));
    for (int64_t i = 0; i < p; ++i)
      for (int64_t j = 0; j < m; ++j) {
        const double lambda = f.lambda[i * m + j], share = lambda / (lambda + f.damping);
        of_rows[i] += share;
        of_columns[j] += share;
      }
    const auto rows = largest(of_rows, side), columns = largest(of_columns, side);
    std::vector<float> deviation;
    for (const int64_t i : rows)
      for (const int64_t j : columns)
        deviation.push_back(static_cast<float>(std::sqrt(f.lambda[i * m + j] + f.damping)));
    Layer layer{rows_of(ops_, f.q_a, m, columns), rows_of(ops_, f.q_s, p, rows),
                Buffer(ops_, 1, static_cast<int64_t>(deviation.size()))};
    layer.deviation.upload(deviation.data());
    layers_.push_back(std::move(layer));
  }
}

void TruncatedGradients::whiten(const Layer& layer, Tensor rows) {
  for (int64_t i = 0; i < rows.rows; ++i)
    ops_->divide_damped(rows.slice(i, i + 1), layer.deviation, 0, rows.slice(i, i + 1));
}

Tensor TruncatedGradients::of_documents(size_t index, Tensor a, Tensor g, std::span<const Segment> segments) {
  const Layer& layer = layers_[index];
  const Tensor ra = rotated_a_.of(a.rows, layer.q_a.view().rows), rg = rotated_g_.of(g.rows, layer.q_s.view().rows);
  const Tensor kept = kept_.of(static_cast<int64_t>(segments.size()), size(index));
  ops_->matmul(a, false, layer.q_a, true, ra);
  ops_->matmul(g, false, layer.q_s, true, rg);
  ops_->segment_outer(rg, ra, segments, kept);
  whiten(layer, kept);
  return kept;
}

Tensor TruncatedGradients::of_queries(size_t index, Tensor gradients) {
  const Layer& layer = layers_[index];
  const Tensor q_a = layer.q_a, q_s = layer.q_s;
  const Tensor half = rotated_g_.of(q_s.rows, q_a.columns), kept = kept_.of(gradients.rows, size(index));
  for (int64_t q = 0; q < gradients.rows; ++q) {
    ops_->matmul(q_s, false, {gradients.row(q), q_s.columns, q_a.columns}, false, half);
    ops_->matmul(half, false, q_a, true, {kept.row(q), q_s.rows, q_a.rows});
  }
  whiten(layer, kept);
  return kept;
}

}  // namespace stemma
