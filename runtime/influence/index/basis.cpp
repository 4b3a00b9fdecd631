#include "runtime/influence/index/basis.h"

#include <algorithm>
#include <cmath>

#include "runtime/influence/curvature/eigen.h"
#include "runtime/influence/curvature/shard_sums.h"
#include "runtime/influence/tracked.h"
#include "runtime/random.h"

extern "C" {
void dsyrk_(const char* triangle, const char* transposed, const int* n, const int* k, const double* alpha,
            const double* a, const int* lda, const double* beta, double* c, const int* ldc);
void dgemm_(const char* transposed_a, const char* transposed_b, const int* m, const int* n, const int* k,
            const double* alpha, const double* a, const int* lda, const double* b, const int* ldb, const double* beta,
            double* c, const int* ldc);
}

namespace stemma {
namespace {

constexpr int64_t most_directions = 4096;  // of all layers together: their covariance is decomposed whole
constexpr int64_t spare = 32;              // directions more than are kept, while they are looked for
constexpr int iterations = 2;
constexpr uint64_t longest_span = 16;  // tokens
constexpr int64_t most_shards = 32;  // a shard's sums are as large as all directions: few of them travel

std::vector<float> downloaded(const Buffer& buffer) {
  std::vector<float> host(static_cast<size_t>(buffer.view().size()));
  buffer.download(host.data());
  return host;
}

// The same documents with labels on a few tokens of each, as a question has them.
LabelledBatch spans_of(const LabelledBatch& documents, uint64_t seed) {
  Random random(seed);
  LabelledBatch spans = documents;
  for (const Segment& s : documents.batch.segments) {
    const auto tokens = static_cast<uint64_t>(s.query_end - s.query_begin);
    const auto begin = s.query_begin + static_cast<int32_t>(random.below(tokens)),
               end = begin + 1 + static_cast<int32_t>(random.below(longest_span));
    for (int32_t t = s.query_begin; t < s.query_end; ++t)
      if (t < begin || t >= end) spans.targets[static_cast<size_t>(t)] = -1;
  }
  return spans;
}

// Orthonormal columns that span those of y (n,c), the strongest `kept` of them; y = C omega makes them principal.
std::vector<float> strongest_directions(const std::vector<float>& y, int64_t n, int64_t c, int64_t kept) {
  const std::vector<double> rows(y.begin(), y.end());  // LAPACK's columns
  const int rows_count = static_cast<int>(n), columns = static_cast<int>(c), few = static_cast<int>(kept);
  const double one = 1, zero = 0;
  std::vector<double> gram(static_cast<size_t>(c * c)), turned(static_cast<size_t>(kept * n));
  dsyrk_("L", "N", &columns, &rows_count, &one, rows.data(), &columns, &zero, gram.data(), &columns);
  for (int64_t i = 0; i < c; ++i)
    for (int64_t j = 0; j < i; ++j) gram[i * c + j] = gram[j * c + i];
  const std::vector<float> vectors = eigenvectors(std::move(gram), c);  // rows, weakest first
  const std::vector<double> strong(vectors.end() - kept * c, vectors.end());
  dgemm_("T", "N", &few, &rows_count, &columns, &one, strong.data(), &columns, rows.data(), &columns, &zero,
         turned.data(), &few);
  std::vector<float> result(static_cast<size_t>(n * kept));
  for (int64_t k = 0; k < kept; ++k) {
    const double* column = turned.data() + (kept - 1 - k);
    double square = 0;
    for (int64_t row = 0; row < n; ++row) square += column[row * kept] * column[row * kept];
    const double inverse = square > 0 ? 1 / std::sqrt(square) : 0;
    for (int64_t row = 0; row < n; ++row) result[row * kept + k] = static_cast<float>(column[row * kept] * inverse);
  }
  return result;
}

class BasisFit {
 public:
  BasisFit(const Model& model, const Factors& factors, const DocumentBatches& sample, const BasisOptions& options,
           Ranks& ranks, const Control& control)
      : model_(model),
        sample_(sample),
        ranks_(ranks),
        control_(control),
        truncated_(model, factors, options.side),
        pass_(model),
        seed_(options.seed),
        squares_(model),
        unit_(model),
        along_(model) {
    std::vector<int64_t> sizes;
    for (size_t i = 0; i < truncated_.layers(); ++i) sizes.push_back(truncated_.size(i));
    basis_ = basis_lengths(sizes, options, sample.documents());
    Random random(options.seed);
    for (size_t i = 0; i < truncated_.layers(); ++i) {
      std::vector<float> start(static_cast<size_t>(truncated_.size(i) * columns(i)));
      for (float& value : start) value = static_cast<float>(random.normal());
      directions_.push_back(on_device(start, truncated_.size(i)));
      gradients_.emplace_back(model);
    }
  }

  IndexBasis run() {
    for (int i = 0; i < iterations; ++i) iterate(i + 1 == iterations);
    find_joint();
    return std::move(basis_);
  }

 private:
  int64_t columns(size_t layer) const { return std::min(truncated_.size(layer), basis_.directions + spare); }
  Buffer on_device(const std::vector<float>& host, int64_t rows) const {
    Buffer buffer(model_.ops, rows, static_cast<int64_t>(host.size()) / rows);
    buffer.upload(host.data());
    return buffer;
  }

  // Unit gradients of the sample's documents and of a span of each, layer by layer, along the directions so far;
  // `made` of a shard, for rank 0 to take.
  using Visit = std::function<void(size_t layer, Tensor gradients, Tensor along)>;
  void each(const std::string& stage, int64_t shard, const Visit& visit,
            const std::function<std::vector<float>()>& made, const std::function<void(std::vector<float>&)>& take) {
    sample_.each(ranks_,
                 {.stage = stage,
                  .shard = shard,
                  .ahead = 2 * ranks_.size(),
                  .visit =
                      [&](int64_t batch, const LabelledBatch& documents, const auto&, const auto& listen) {
                        show(documents, visit, listen);
                        show(spans_of(documents, seed_ + static_cast<uint64_t>(batch)), visit, listen);
                      },
                  .made = made,
                  .take = [&](int64_t, std::vector<float>& values) { take(values); }},
                 control_);
  }

  void show(const LabelledBatch& labelled, const Visit& visit, const std::function<void()>& listen) {
    Ops& ops = *model_.ops;
    const auto& segments = labelled.batch.segments;
    const auto count = static_cast<int64_t>(segments.size());
    const Tensor squares = squares_.zeros(count, 1);
    pass_.run(labelled, [&](int block, Linear which, Tensor a, Tensor g) {
      listen();
      const size_t i = tracked_index(model_, block, which);
      const Tensor x = truncated_.of_documents(i, a, g, segments), kept = gradients_[i].of(count, x.columns);
      ops.copy(kept.data, x.data, sizeof(float) * static_cast<size_t>(x.size()));
      ops.row_dots(x, x, squares);
    });
    std::vector<float> lengths(segments.size());
    ops.download(lengths.data(), squares.data, sizeof(float) * lengths.size());
    for (float& length : lengths) length = std::sqrt(length);
    for (size_t i = 0; i < gradients_.size(); ++i) {
      const Tensor v = directions_[i], kept = gradients_[i].of(count, v.rows), x = unit_.zeros(count, v.rows),
                   along = along_.of(count, v.columns);
      for (int64_t n = 0; n < count; ++n)
        if (const float length = lengths[static_cast<size_t>(n)]; length > 0)
          ops.add(kept.slice(n, n + 1), x.slice(n, n + 1), 1 / length);
      ops.matmul(x, false, v, false, along);
      visit(i, x, along);
    }
  }

  void iterate(bool last) {
    ShardSums images(model_.ops, ranks_);
    for (const Buffer& v : directions_) images.add(v.view().rows, v.view().columns);
    each(
        "the index's directions", (sample_.batches() + most_shards - 1) / most_shards,
        [&](size_t i, Tensor x, Tensor along) { model_.ops->matmul(x, true, along, false, images.part(i), 1, 1); },
        [&] { return images.made(); }, [&](std::vector<float>& made) { images.take(made); });
    for (size_t i = 0; i < images.size(); ++i) {
      const int64_t n = images.part(i).rows, c = images.part(i).columns, kept = last ? basis_.directions : c;
      std::vector<float> found;
      if (ranks_.leads()) {
        control_.say({"the index's directions, layer by layer", double(i), double(images.size())});
        found = strongest_directions(images.total(i), n, c, kept);
        // what rounding left of the strong ones in the weak is taken out
        found = strongest_directions(found, n, kept, kept);
      }
      ranks_.share(found, control_);
      directions_[i] = on_device(found, n);
      if (last) basis_.layers.push_back(std::move(found));
    }
  }

  // On rank 0 alone; the others have shown it their documents.
  void find_joint() {
    const auto layers = static_cast<int64_t>(truncated_.layers());
    const int64_t k = basis_.directions, all = layers * k;
    Buffer covariance(model_.ops, all, ranks_.leads() ? all : 1);
    covariance.zero();
    std::vector<float> rows, part;
    size_t shown = 0;  // of `rows`, by the last layer of those before
    each(
        "the index's directions together", 1,
        [&](size_t i, Tensor, Tensor along) {
          part.resize(static_cast<size_t>(along.size()));
          if (i == 0) shown = rows.size();
          rows.resize(shown + static_cast<size_t>(along.rows * all));
          model_.ops->download(part.data(), along.data, sizeof(float) * part.size());
          for (int64_t d = 0; d < along.rows; ++d)
            std::copy_n(part.data() + d * k, k, rows.data() + shown + d * all + static_cast<int64_t>(i) * k);
        },
        [&] { return std::move(rows); },
        [&](std::vector<float>& made) {
          model_.ops->gram(on_device(made, static_cast<int64_t>(made.size()) / all), covariance);
        });
    if (!ranks_.leads()) return;
    const std::vector<float> upper = downloaded(covariance);
    std::vector<double> matrix(upper.size());
    for (int64_t i = 0; i < all; ++i)
      for (int64_t j = i; j < all; ++j) matrix[i * all + j] = matrix[j * all + i] = upper[i * all + j];
    const std::vector<float> vectors = eigenvectors(std::move(matrix), all);
    basis_.joint.resize(static_cast<size_t>(all * basis_.numbers));
    for (int64_t r = 0; r < basis_.numbers; ++r)
      for (int64_t i = 0; i < all; ++i) basis_.joint[i * basis_.numbers + r] = vectors[(all - 1 - r) * all + i];
  }

  const Model& model_;
  const DocumentBatches& sample_;
  Ranks& ranks_;
  const Control& control_;
  TruncatedGradients truncated_;
  DocumentPass pass_;
  uint64_t seed_;
  std::vector<Buffer> directions_;  // by layer (size, columns)
  std::vector<Room> gradients_;     // by layer, of the batch that is shown
  Room squares_, unit_, along_;
  IndexBasis basis_;
};

}  // namespace

IndexBasis basis_lengths(const std::vector<int64_t>& sizes, const BasisOptions& options, int64_t documents) {
  const auto layers = static_cast<int64_t>(sizes.size());
  IndexBasis basis;
  basis.side = options.side;
  basis.documents = documents;
  const int64_t shown = 2 * documents;
  basis.directions = std::min(
      {options.directions, std::max<int64_t>(1, most_directions / layers), shown, *std::ranges::min_element(sizes)});
  basis.numbers = std::min({options.numbers, basis.directions * layers, shown});
  return basis;
}

IndexBasis fit_basis(const Model& model, const Factors& factors, const DocumentBatches& sample,
                     const BasisOptions& options, Ranks& ranks, const Control& control) {
  return BasisFit(model, factors, sample, options, ranks, control).run();
}

Projection::Projection(const Model& model, const Factors& factors, const IndexBasis& basis)
    : model_(model),
      basis_(basis),
      truncated_(model, factors, basis.side),
      pass_(model),
      joint_(model.ops, static_cast<int64_t>(basis.layers.size()) * basis.directions, basis.numbers),
      part_(model) {
  for (size_t i = 0; i < basis.layers.size(); ++i) {
    layers_.emplace_back(model.ops, truncated_.size(i), basis.directions);
    layers_.back().upload(basis.layers[i].data());
  }
  joint_.upload(basis.joint.data());
}

void Projection::add(size_t layer, Tensor truncated, Tensor numbers) {
  const int64_t k = basis_.directions, first = static_cast<int64_t>(layer) * k;
  const Tensor along = part_.of(truncated.rows, k);
  model_.ops->matmul(truncated, false, layers_[layer], false, along);
  model_.ops->matmul(along, false, joint_.view().slice(first, first + k), false, numbers, 1, 1);
}

std::vector<float> Projection::rows_of(const Buffer& numbers) const {
  const std::vector<float> all = downloaded(numbers);
  std::vector<float> rows;
  for (auto row = all.begin(); row != all.end(); row += basis_.numbers) {
    double square = 0;
    for (int64_t i = 0; i < basis_.numbers; ++i) square += double(row[i]) * row[i];
    const auto length = static_cast<float>(std::sqrt(square)), inverse = length > 0 ? 1 / length : 0;
    for (int64_t i = 0; i < basis_.numbers; ++i) rows.push_back(row[i] * inverse);
    rows.push_back(length);
  }
  return rows;
}

std::vector<float> Projection::of_documents(const LabelledBatch& documents) {
  const auto& segments = documents.batch.segments;
  Buffer numbers(model_.ops, static_cast<int64_t>(segments.size()), basis_.numbers);
  numbers.zero();
  pass_.run(documents, [&](int block, Linear which, Tensor a, Tensor g) {
    const size_t i = tracked_index(model_, block, which);
    add(i, truncated_.of_documents(i, a, g, segments), numbers);
  });
  return rows_of(numbers);
}

std::vector<float> Projection::of_queries(const QueryGradients& gradients) {
  Buffer numbers(model_.ops, static_cast<int64_t>(gradients.nats.size()), basis_.numbers);
  numbers.zero();
  for (size_t i = 0; i < layers_.size(); ++i) add(i, truncated_.of_queries(i, gradients.layers[i]), numbers);
  return rows_of(numbers);
}

}  // namespace stemma
