// Scoring ends early where estimates order documents as their scores do, goes on where they do not, and to the end
// where that is asked.
#include "runtime/influence/index/candidates.h"

#include <QtTest>
#include <algorithm>
#include <numeric>

#include "runtime/random.h"

using namespace stemma;

class CandidatesTest : public QObject {
  Q_OBJECT

  static constexpr int64_t documents = 2000;
  std::vector<float> scores_ = std::vector<float>(2 * documents);  // of two questions

  std::vector<float> estimates(double noise) const {
    Random random(4);
    std::vector<float> found = scores_;
    for (float& value : found) value += static_cast<float>(noise * random.normal());
    return found;
  }
  // Scores what is asked for, until nothing is.
  Candidates scored(double noise, const CandidateOptions& options) const {
    Candidates candidates(estimates(noise), 2, options);
    for (auto chunk = candidates.next(); !chunk.empty(); chunk = candidates.next()) {
      [&] { QVERIFY(std::ranges::is_sorted(chunk) && std::ranges::adjacent_find(chunk) == chunk.end()); }();
      std::vector<float> exact;
      for (int64_t q = 0; q < 2; ++q)
        for (const int64_t d : chunk) {
          [&] { QVERIFY(!candidates.is_exact(d)); }();
          exact.push_back(scores_[static_cast<size_t>(q * documents + d)]);
        }
      candidates.take(chunk, exact);
    }
    return candidates;
  }
  // Share of the first hundred of question `q`, or with sign -1 of the last twenty-five, that was scored.
  double recall(const Candidates& candidates, int64_t q, float sign) const {
    std::vector<int64_t> order(documents);
    std::iota(order.begin(), order.end(), int64_t{0});
    const auto score = [&](int64_t d) { return sign * scores_[static_cast<size_t>(q * documents + d)]; };
    std::ranges::sort(order, [&](int64_t a, int64_t b) { return score(a) > score(b); });
    order.resize(sign > 0 ? 100 : 25);
    return double(std::ranges::count_if(order, [&](int64_t d) { return candidates.is_exact(d); })) /
           double(order.size());
  }

 private slots:
  void initTestCase() {
    Random random(3);
    for (float& score : scores_) score = static_cast<float>(random.normal());
  }

  void ends_when_nothing_new_comes() {
    const Candidates sure = scored(0.02, {}), unsure = scored(0.5, {});
    QVERIFY(sure.scored().size() <= 2 * (200 + 51));  // twice the lists' places, of two questions
    QVERIFY(unsure.scored().size() > sure.scored().size() + 100);
    for (int64_t q = 0; q < 2; ++q)
      for (const float sign : {1.0f, -1.0f}) {
        QCOMPARE(recall(sure, q, sign), 1.0);
        QVERIFY(recall(unsure, q, sign) > (sign > 0 ? 0.85 : 0.75));  // of 25 opponents' places a few are lost sooner
      }
    QVERIFY(sure.late() <= 0.03 && unsure.late() <= 0.03);
  }

  void goes_to_the_end_where_asked() {
    const Candidates all = scored(0.02, {.most = 300, .late = 0});
    QVERIFY(all.scored().size() > 600 && all.scored().size() <= 2 * (300 + 75));
    QCOMPARE(all.late(), 0.0);
  }

  void scores_replace_estimates() {
    const Candidates found = scored(0.5, {});
    const auto guessed = estimates(0.5);
    for (int64_t d = 0; d < documents; ++d)
      QCOMPARE(found.score(1, d), (found.is_exact(d) ? scores_ : guessed)[static_cast<size_t>(documents + d)]);
    const Candidates none(guessed, 2, {});
    QVERIFY(none.leading(3).size() <= 12 && none.leading(3).size() >= 6);
  }

  void few_documents() {
    Candidates three({3, 1, 2}, 1, {});
    QCOMPARE(three.next(), (std::vector<int64_t>{0, 1, 2}));
    three.take({0, 1, 2}, {3, 1, 2});
    QVERIFY(three.next().empty());
    QVERIFY(Candidates({}, 1, {}).next().empty());
  }
};

QTEST_GUILESS_MAIN(CandidatesTest)
#include "candidates_test.moc"
