#include "runtime/influence/questions/low_rank.h"

#include <algorithm>
#include <cmath>

#include "runtime/error.h"
#include "runtime/influence/curvature/eigen.h"
#include "runtime/influence/tracked.h"
#include "runtime/random.h"

extern "C" {
void dgeqrf_(const int* m, const int* n, double* a, const int* lda, double* tau, double* work, const int* work_size,
             int* info);
void dorgqr_(const int* m, const int* n, const int* k, double* a, const int* lda, const double* tau, double* work,
             const int* work_size, int* info);
}

namespace stemma {
namespace {

constexpr int64_t oversampling = 8;
constexpr int power_iterations = 2;

// The rows of x (k, n), k <= n, become orthonormal and span what they spanned.
void orthonormalise(Ops& ops, Tensor x) {
  std::vector<float> host(static_cast<size_t>(x.size()));
  ops.download(host.data(), x.data, host.size() * sizeof(float));
  std::vector<double> matrix(host.begin(), host.end());  // our rows are LAPACK's columns
  const int n = static_cast<int>(x.columns), k = static_cast<int>(x.rows), size = 64 * k;
  std::vector<double> tau(static_cast<size_t>(k)), work(static_cast<size_t>(size));
  int info = 0;
  dgeqrf_(&n, &k, matrix.data(), &n, tau.data(), work.data(), &size, &info);
  if (info == 0) dorgqr_(&n, &k, &k, matrix.data(), &n, tau.data(), work.data(), &size, &info);
  if (info != 0)
    throw Error(ErrorCode::unsupported, "a query gradient cannot be decomposed; its numbers may not be finite");
  std::copy(matrix.begin(), matrix.end(), host.begin());
  ops.upload(x.data, host.data(), host.size() * sizeof(float));
}

// What one layer's decompositions need, reused from query to query.
class Decomposer {
 public:
  Decomposer(const Model& model, int64_t outputs, int64_t inputs, int64_t rank)
      : ops_(*model.ops),
        p_(outputs),
        m_(inputs),
        r_(std::min({rank, outputs, inputs})),
        k_(std::min({rank + oversampling, outputs, inputs})),
        start_(model.ops, k_, m_),
        range_(model.ops, k_, p_),
        domain_(model.ops, k_, m_),
        gram_(model.ops, k_, k_),
        turn_(model.ops, r_, k_),
        whole_(model.ops, p_, m_) {
    Random random(1);
    std::vector<float> host(static_cast<size_t>(k_ * m_));
    for (float& value : host) value = static_cast<float>(random.normal());
    start_.upload(host.data());
  }
  int64_t rank() const { return r_; }

  // left (r, P), right (r, M) of v (P, M). Returns the squares of |V - L R| and |V|.
  std::pair<double, double> decompose(Tensor v, Tensor left, Tensor right) {
    ops_.matmul(start_, false, v, true, range_);
    orthonormalise(ops_, range_);
    for (int i = 0; i < power_iterations; ++i) {
      ops_.matmul(range_, false, v, false, domain_);
      orthonormalise(ops_, domain_);
      ops_.matmul(domain_, false, v, true, range_);
      orthonormalise(ops_, range_);
    }
    // V ~ Q^T B with B = Q V (k, M); the leading r left singular vectors of B are the eigenvectors of B B^T.
    ops_.matmul(range_, false, v, false, domain_);
    ops_.matmul(domain_, false, domain_, true, gram_);
    std::vector<float> host(static_cast<size_t>(k_ * k_));
    gram_.download(host.data());
    std::vector<double> matrix(host.begin(), host.end());
    for (int64_t i = 0; i < k_; ++i)
      for (int64_t j = 0; j < i; ++j) matrix[i * k_ + j] = matrix[j * k_ + i];
    const std::vector<float> vectors = eigenvectors(std::move(matrix), k_);
    turn_.upload(vectors.data() + (k_ - r_) * k_);
    ops_.matmul(turn_, false, range_, false, left);
    ops_.matmul(turn_, false, domain_, false, right);

    ops_.copy(whole_.view().data, v.data, sizeof(float) * static_cast<size_t>(v.size()));
    ops_.matmul(left, true, right, false, whole_, -1, 1);
    return {ops_.sum_of_squares(whole_), ops_.sum_of_squares(v)};
  }

 private:
  Ops& ops_;
  int64_t p_, m_, r_, k_;
  Buffer start_, range_, domain_, gram_, turn_, whole_;
};

}  // namespace

LowRankQueries low_rank_room(const Model& model, const std::vector<size_t>& layers, int64_t queries, int64_t rank) {
  LowRankQueries result;
  result.nats.resize(static_cast<size_t>(queries));
  result.errors.resize(static_cast<size_t>(queries));
  result.layers.resize(tracked_count(model));
  for (const size_t i : layers) {
    const Tensor weight = tracked_weight(model, i);
    LowRankQueries::Layer& layer = result.layers[i];
    layer.rank = std::min({rank, weight.rows, weight.columns});
    layer.left = Buffer(model.ops, queries * layer.rank, weight.rows);
    layer.right = Buffer(model.ops, queries * layer.rank, weight.columns);
  }
  return result;
}

// Queries [first, ...) of the result.
void put(const Model& model, const QueryGradients& queries, int64_t rank, int64_t first, LowRankQueries& result) {
  const auto count = static_cast<int64_t>(queries.nats.size());
  std::vector<double> lost(queries.nats.size()), all(queries.nats.size());
  for (size_t i = 0; i < queries.layers.size(); ++i) {
    const Tensor weight = tracked_weight(model, i), whole = queries.layers[i].view();
    if (!whole) continue;
    const LowRankQueries::Layer& layer = result.layers[i];
    Decomposer decomposer(model, weight.rows, weight.columns, rank);
    for (int64_t q = 0; q < count; ++q) {
      const int64_t begin = (first + q) * layer.rank, end = begin + layer.rank;
      const auto [rest, square] =
          decomposer.decompose({whole.row(q), weight.rows, weight.columns}, layer.left.view().slice(begin, end),
                               layer.right.view().slice(begin, end));
      lost[static_cast<size_t>(q)] += rest;
      all[static_cast<size_t>(q)] += square;
    }
  }
  for (size_t q = 0; q < lost.size(); ++q) {
    result.nats[static_cast<size_t>(first) + q] = queries.nats[q];
    result.errors[static_cast<size_t>(first) + q] = all[q] > 0 ? std::sqrt(lost[q] / all[q]) : 0;
  }
}

LowRankQueries compress(const Model& model, const QueryGradients& queries, int64_t rank) {
  std::vector<size_t> layers;
  for (size_t i = 0; i < queries.layers.size(); ++i)
    if (queries.layers[i].view()) layers.push_back(i);
  LowRankQueries result = low_rank_room(model, layers, static_cast<int64_t>(queries.nats.size()), rank);
  put(model, queries, rank, 0, result);
  return result;
}

LowRankQueries low_rank_queries(const Model& model, const Factors* factors, const std::vector<Query>& queries,
                                int64_t rank, const Control& control) {
  const std::vector<size_t> layers = asked_layers(model, factors);
  const size_t together = queries_at_once(model, layers, low_rank_making_bytes);
  LowRankQueries result = low_rank_room(model, layers, static_cast<int64_t>(queries.size()), rank);
  for (size_t first = 0; first < queries.size();) {
    const size_t last = std::min(queries.size(), first + together);
    control.say({"query gradients", double(first), double(queries.size())});
    QueryGradients part = query_gradients(
        model,
        {queries.begin() + static_cast<std::ptrdiff_t>(first), queries.begin() + static_cast<std::ptrdiff_t>(last)},
        factors);
    if (factors) precondition(model, *factors, part);
    put(model, part, rank, static_cast<int64_t>(first), result);
    first = last;
  }
  return result;
}

}  // namespace stemma
