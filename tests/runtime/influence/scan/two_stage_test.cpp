// A scan of low rank, then the strongest again: what is shown is exact, and the table says how the first stage did.
#include "runtime/influence/scan/two_stage.h"

#include <QtTest>
#include <algorithm>

#include "runtime/influence/attribute.h"
#include "tests/support/compare.h"
#include "tests/support/tiny_model.h"

using namespace stemma;
using namespace stemma::test;

class TwoStageTest : public QObject {
  Q_OBJECT

  const std::shared_ptr<Model> model = random_model(tiny_config(2, true), 31);
  const Corpus corpus = corpus_of(random_texts(120, 5, 8));
  const Trace trace = trace_of(*model, "ab cdefg hij k.", {4, 8, 12});
  Factors factors;

  InfluenceTable table(int64_t rank, int64_t rescore, Precision precision = Precision::f32) const {
    return attribute(*model, &factors, corpus, {&trace},
                     {.top = 5, .rank = rank, .precision = precision, .rescore = rescore}, Control())
        .at(0);
  }

 private slots:
  void initTestCase() { factors = fit_factors(*model, corpus, {}, Control()); }

  void what_is_shown_is_exact_data() {
    QTest::addColumn<Precision>("precision");
    for (const Precision precision : {Precision::f32, Precision::bf16})
      QTest::newRow(name_of(precision).c_str()) << precision;
  }
  void what_is_shown_is_exact() {
    QFETCH(Precision, precision);
    const InfluenceTable exact = table(0, 0), two = table(1, 12, precision);
    QCOMPARE(exact.first_stage.rank, 0);
    QCOMPARE(two.first_stage.rank, 1);
    QCOMPARE(two.first_stage.precision, precision);
    QVERIFY(two.first_stage.rescored >= 24 && two.first_stage.rescored < 120);
    QVERIFY(two.first_stage.error > 0.01 && two.first_stage.error < 1);
    QVERIFY(two.first_stage.recall > 0.5 && two.first_stage.recall < 1);
    QVERIFY(two.additivity < 1e-4);
    double largest = 0;
    for (const float score : exact.scores) largest = std::max(largest, std::abs(double(score)));
    size_t apart = 0;
    for (size_t i = 0; i < exact.scores.size(); ++i)
      apart += std::abs(exact.scores[i] - two.scores[i]) > 1e-5 * largest;
    QVERIFY(apart > 0 && apart <= 3u * (120 - static_cast<size_t>(two.first_stage.rescored)));
    QCOMPARE(two.nats, exact.nats);
    for (const auto* list : {&two.top_documents, &two.bottom_documents})
      for (size_t i = 0; i < list->size(); ++i) {
        const auto s = static_cast<int32_t>(i / 5), d = (*list)[i];
        QVERIFY(std::abs(two.score(s, d) - exact.score(s, d)) < 1e-5 * largest);
        const ShownDocument* shown = two.find(d);
        QVERIFY(shown);
        double sum = 0;
        for (int32_t l = 0; l < 2; ++l) sum += shown->layer_scores[static_cast<size_t>(s * 2 + l)];
        QVERIFY(std::abs(sum - two.score(s, d)) < 1e-5 * largest);
      }
  }

  void at_full_rank_nothing_is_missed() {
    const InfluenceTable exact = table(0, 0), two = table(64, 5);
    QVERIFY(two.first_stage.error < 1e-6);
    QCOMPARE(two.first_stage.recall, 1.0);
    VERIFY_CLOSE(two.scores, exact.scores, 1e-5);
    QCOMPARE(two.top_documents, exact.top_documents);
  }

  void bf16_is_taken_where_it_is_faster() {
    const InfluenceTable two =
        attribute(*model, &factors, corpus, {&trace}, {.top = 5, .rank = 64, .rescore = 5}, Control()).at(0);
    QCOMPARE(two.first_stage.precision, model->ops->multiplies_bf16() ? Precision::bf16 : Precision::f32);
    QVERIFY(table(64, 5, Precision::bf16).scores != table(64, 5).scores);
    QVERIFY(table(64, 5, Precision::bf16).first_stage.recall > 0.95);
  }

  void extremes() {
    const std::vector<float> scores = {3, -1, 2, 2, 5};
    QCOMPARE(extreme(scores.data(), 5, 3, 1), (std::vector<int32_t>{4, 0, 2}));
    QCOMPARE(extreme(scores.data(), 5, 2, -1), (std::vector<int32_t>{1, 2}));
    QCOMPARE(extreme(scores.data(), 5, 9, 1).size(), size_t{5});
  }
};

QTEST_GUILESS_MAIN(TwoStageTest)
#include "two_stage_test.moc"
