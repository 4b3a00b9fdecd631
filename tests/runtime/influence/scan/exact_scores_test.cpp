// Documents that come a few at a time are scored as a scan of all of them scores them, by one thread or by several.
#include "runtime/influence/scan/exact_scores.h"

#include <QtTest>
#include <numeric>

#include "runtime/influence/scan/batch_size.h"
#include "runtime/influence/scan/scan.h"
#include "tests/runtime/influence/scan/few_documents.h"

using namespace stemma;
using namespace stemma::test;

extern "C" void omp_set_num_threads(int);
extern "C" int omp_get_max_threads();

class ExactScoresTest : public QObject, FewDocuments {
  Q_OBJECT

  // In two calls, (Q, documents) of both together.
  std::vector<float> scores(ExactScores& exact, size_t count) const {
    const auto some = [&](size_t begin, size_t end) {
      std::vector<int64_t> names;
      for (size_t d = begin; d < end; ++d) names.push_back(static_cast<int64_t>(d));
      return exact.of(
          names, {documents.begin() + static_cast<ptrdiff_t>(begin), documents.begin() + static_cast<ptrdiff_t>(end)},
          Control());
    };
    const size_t cut = 17, rest = documents.size() - cut;
    const auto first = some(0, cut), second = some(cut, documents.size());
    std::vector<float> all;
    for (size_t q = 0; q < count; ++q) {
      all.insert(all.end(), first.begin() + static_cast<ptrdiff_t>(q * cut),
                 first.begin() + static_cast<ptrdiff_t>((q + 1) * cut));
      all.insert(all.end(), second.begin() + static_cast<ptrdiff_t>(q * rest),
                 second.begin() + static_cast<ptrdiff_t>((q + 1) * rest));
    }
    return all;
  }

 private slots:
  void equal_the_scan() {
    for (const size_t count : {1, 3})
      for (const int64_t tokens : {0, 1, 64}) {
        const QueryGradients asked = queries(count);
        const auto expected = scan(*model, asked, DocumentBatches(documents, 256), documents.size(), Control());
        ExactScores exact(*model, asked, tokens);
        const auto found = scores(exact, count);
        QCOMPARE(found.size(), expected.size());
        for (size_t q = 0; q < count; ++q) {
          double largest = 0;
          for (size_t d = 0; d < documents.size(); ++d)
            largest = std::max(largest, std::abs(double(expected[q * documents.size() + d])));
          for (size_t d = 0; d < documents.size(); ++d) {
            const size_t i = q * documents.size() + d;
            // Batches of few rows take other kernels, whose sums are in another order: 4e-6, unoptimised 1e-5.
            QVERIFY(std::abs(found[i] - expected[i]) <= 3e-5 * largest);
            QCOMPARE(found[i] == 0, d == too_short);
          }
        }
      }
  }

  // Both its tokens' and its layers' shares.
  void parts_add_up() {
    const QueryGradients asked = queries(1);
    ExactScores exact(*model, asked, 64);
    const auto found = scores(exact, 1);
    for (size_t d = 0; d < documents.size(); ++d) {
      const Decomposition& parts = exact.parts(static_cast<int64_t>(d));
      QCOMPARE(parts.tokens.size(), d == too_short ? 0 : documents[d].size() - 1);
      QCOMPARE(parts.layers.size(), d == too_short ? size_t{0} : size_t{2});
      const auto sum = [](const auto& values) { return std::accumulate(values.begin(), values.end(), 0.0); };
      QVERIFY(std::abs(sum(parts.layers) - found[d]) <= 1e-6 * (1 + std::abs(found[d])));
      QVERIFY(std::abs(sum(parts.tokens) - found[d]) <= 1e-5 * (1 + std::abs(found[d])));
    }
  }

  void as_many_threads_as_there_are() {
    QVERIFY(threads_take_batches(*model, 3));
    const int before = omp_get_max_threads();
    for (const size_t count : {1, 3}) {
      const QueryGradients asked = queries(count);
      std::vector<std::vector<float>> found;
      for (const int threads : {1, 2, 5}) {
        omp_set_num_threads(threads);
        ExactScores exact(*model, asked, 64);
        found.push_back(scores(exact, count));
      }
      QVERIFY(found[0] == found[1] && found[0] == found[2]);
    }
    omp_set_num_threads(before);
  }

  void says_what_it_does_and_stops() {
    const QueryGradients asked = queries(1);
    ExactScores exact(*model, asked, 16);
    exact.of({0, 1}, {documents[0], documents[1]}, Control());
    Control control;
    std::vector<Progress> said;
    control.report = [&](const Progress& progress) {
      said.push_back(progress);
      if (said.size() == 2) control.cancel();
    };
    bool stopped = false;
    try {
      exact.of({2, 3, 4}, {documents[2], documents[3], documents[4]}, control);
    } catch (const Error& error) {
      stopped = error.code() == ErrorCode::cancelled;
    }
    QVERIFY(stopped);
    QCOMPARE(said.at(0).stage, std::string("scores of the most promising documents"));
    QCOMPARE(said.at(0).done, 2.0);
    QCOMPARE(said.at(0).total, 5.0);
  }
};

QTEST_GUILESS_MAIN(ExactScoresTest)
#include "exact_scores_test.moc"
