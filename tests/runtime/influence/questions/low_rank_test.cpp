// Queries of low rank: what they lose is what is said, and both routes through them score alike.
#include "runtime/influence/questions/low_rank.h"

#include <QtTest>

#include "runtime/influence/scan/scan.h"
#include "runtime/influence/scan/scan_low_rank.h"
#include "runtime/influence/tracked.h"
#include "tests/support/compare.h"
#include "tests/support/tiny_model.h"

using namespace stemma;
using namespace stemma::test;

class LowRankTest : public QObject {
  Q_OBJECT

  const std::shared_ptr<Model> model = random_model(tiny_config(2, true), 31);
  const std::vector<std::vector<int32_t>> documents = random_documents();
  const DocumentBatches batches{documents, 64};
  const Trace trace = trace_of(*model, "ab cdefg hij k.", {4, 8, 12});
  const std::vector<Query> asked = {{&trace.tokens, 4, 8}, {&trace.tokens, 8, 12}, {&trace.tokens, 4, 15}};

  static std::vector<std::vector<int32_t>> random_documents() {
    Random random(7);
    std::vector<std::vector<int32_t>> all(40);
    for (size_t d = 0; d < all.size(); ++d) {
      all[d].resize(d == 5 ? 1 : 2 + random.below(30));
      for (int32_t& id : all[d]) id = static_cast<int32_t>(random.below(tiny_vocabulary));
    }
    return all;
  }
  std::vector<float> low(const LowRankQueries& queries, Route route, Precision precision = Precision::f32) const {
    return scan(*model, queries, std::vector<Route>(queries.layers.size(), route), precision, batches, documents.size(),
                Control());
  }

 private slots:
  // Routes A and C at full rank are the exact scan.
  void full_rank_is_exact() {
    const QueryGradients whole = query_gradients(*model, asked);
    const std::vector<float> exact = scan(*model, whole, batches, documents.size(), Control());
    const LowRankQueries full = compress(*model, whole, 1000);
    for (const double error : full.errors) QVERIFY(error < 1e-6);
    VERIFY_CLOSE(low(full, Route::tokens), exact, 2e-6);
    VERIFY_CLOSE(low(full, Route::gradients), exact, 2e-6);
  }

  void routes_agree_and_errors_are_those_of_the_best_rank() {
    const QueryGradients whole = query_gradients(*model, asked);
    double before = 1;
    for (const int64_t rank : {1, 2, 4}) {
      const LowRankQueries thin = compress(*model, whole, rank);
      VERIFY_CLOSE(low(thin, Route::tokens), low(thin, Route::gradients), 2e-6);
      for (size_t q = 0; q < asked.size(); ++q) {
        double rest = 0, all = 0;
        for (size_t i = 0; i < thin.layers.size(); ++i) {
          const Tensor weight = tracked_weight(*model, i);
          const Matrix v = from_device(
              *model->ops, {whole.layers[i].view().row(static_cast<int64_t>(q)), weight.rows, weight.columns});
          const auto begin = static_cast<int64_t>(q) * thin.layers[i].rank, end = begin + thin.layers[i].rank;
          const Matrix left = from_device(*model->ops, thin.layers[i].left.view().slice(begin, end)),
                       right = from_device(*model->ops, thin.layers[i].right.view().slice(begin, end));
          const Matrix product = reference::product(reference::transposed(left), right);
          for (size_t k = 0; k < v.data.size(); ++k) {
            rest += (v.data[k] - product.data[k]) * (v.data[k] - product.data[k]);
            all += v.data[k] * v.data[k];
          }
        }
        QVERIFY(std::abs(std::sqrt(rest / all) - thin.errors[q]) < 1e-5);
      }
      QVERIFY(thin.errors[2] < before);
      before = thin.errors[2];
    }
  }

  // Of a matrix whose singular values are known the best error of each rank is known too.
  void nearest_matrices_are_found() {
    QueryGradients known = query_gradients(*model, {asked[0]});
    Random random(3);
    double rest = 0, all = 0;
    for (size_t i = 0; i < known.layers.size(); ++i) {
      const Tensor weight = tracked_weight(*model, i);
      std::vector<float> diagonal(static_cast<size_t>(weight.size()), 0.0f);
      for (int64_t k = 0; k < std::min(weight.rows, weight.columns); ++k) {
        const double value = std::pow(0.7, double(k));
        diagonal[static_cast<size_t>(k * weight.columns + k)] = static_cast<float>(value);
        all += value * value;
        if (k >= 3) rest += value * value;
      }
      known.layers[i].upload(diagonal.data());
    }
    const LowRankQueries thin = compress(*model, known, 3);
    QVERIFY(std::abs(thin.errors[0] / std::sqrt(rest / all) - 1) < 1e-3);
  }

  void parts_of_the_queries_are_the_whole() {
    const LowRankQueries whole = compress(*model, query_gradients(*model, asked), 3),
                         parts = low_rank_queries(*model, nullptr, asked, 3, Control());
    VERIFY_CLOSE(parts.nats, whole.nats, 1e-6);
    VERIFY_CLOSE(low(parts, Route::tokens), low(whole, Route::tokens), 1e-5);
  }

  // But for rounding: products of more rows are summed otherwise.
  void batches_of_any_size_score_alike() {
    const QueryGradients whole = query_gradients(*model, asked);
    const LowRankQueries thin = compress(*model, whole, 3);
    const std::vector<float> exact = scan(*model, whole, batches, documents.size(), Control());
    for (const int64_t budget : {1, 40, 5000}) {
      DocumentBatches again = batches;
      again.pack_again(budget);
      QCOMPARE(again.documents(), batches.documents());
      QCOMPARE(again.tokens(), batches.tokens());
      QVERIFY(again.hash() != batches.hash());
      VERIFY_CLOSE(scan(*model, whole, again, documents.size(), Control()), exact, 2e-6);
      for (const Route route : {Route::tokens, Route::gradients})
        VERIFY_CLOSE(scan(*model, thin, std::vector<Route>(thin.layers.size(), route), Precision::f32, again,
                          documents.size(), Control()),
                     low(thin, route), 2e-6);
    }
  }

  // What bf16 loses is small beside what scores differ by.
  void rounded_scores_rank_alike() {
    const LowRankQueries thin = compress(*model, query_gradients(*model, asked), 3);
    for (const Route route : {Route::tokens, Route::gradients}) {
      const std::vector<float> exact = low(thin, route), found = low(thin, route, Precision::bf16);
      const double off = difference(found, exact);
      qInfo("apart %.1e", off);
      QVERIFY(off > 1e-4 && off < 5e-2);
      QCOMPARE(low(thin, route, Precision::bf16), found);
    }
  }

  void the_cheaper_route_is_taken() {
    const LayerMeeting wide = {4096, 4096, 32, 2048, 4, 1}, narrow = {160, 160, 32, 2048, 40, 100};
    QVERIFY(cheaper_route(wide, Precision::f32) == Route::tokens);
    QVERIFY(cheaper_route(narrow, Precision::f32) == Route::gradients);
    const LayerMeeting between = {768, 768, 32, 2048, 4, 16};
    QVERIFY(cheaper_route(between, Precision::f32) == Route::gradients);
    QVERIFY(cheaper_route(between, Precision::bf16) == Route::tokens);
    QCOMPARE(operations(Route::tokens, wide), 2.0 * 32 * 8193 * 2048);
    QCOMPARE(operations(Route::gradients, narrow), 2.0 * 160 * 160 * (2048 + 40 * 100 + 32 * 100));
  }
};

QTEST_GUILESS_MAIN(LowRankTest)
#include "low_rank_test.moc"
