// How often draw() takes each token, against the distribution that the sampler's settings describe.
#include "runtime/trace/sampling.h"

#include <QtTest>
#include <algorithm>
#include <cmath>
#include <set>

using namespace stemma;

namespace {

constexpr int draws = 20000;

const std::vector<double> natural = {0.1, 0.4, 0.3, 0.15, 0.05};

Distribution distribution() {
  std::vector<float> logits;
  for (const double p : natural) logits.push_back(static_cast<float>(std::log(p) + 5));
  return Distribution(logits.data(), 5);
}

// Pearson's chi-square against `expected`, which sums to 1; a token of probability 0 must never be drawn.
double chi_square(const Sampler& sampler, const std::vector<double>& expected) {
  const Distribution d = distribution();
  Random random(21);
  std::vector<double> counts(5, 0.0);
  for (int i = 0; i < draws; ++i) ++counts[static_cast<size_t>(draw(d, sampler, random))];
  double sum = 0;
  for (size_t i = 0; i < 5; ++i) {
    if (expected[i] == 0 && counts[i] > 0) return INFINITY;
    if (expected[i] > 0) sum += std::pow(counts[i] - expected[i] * draws, 2) / (expected[i] * draws);
  }
  return sum;
}

constexpr double once_in_a_thousand = 18.47;  // 4 degrees of freedom

}  // namespace

class SamplingTest : public QObject {
  Q_OBJECT

 private slots:
  void natural_distribution() {
    const Distribution d = distribution();
    double entropy = 0;
    for (size_t i = 0; i < 5; ++i) {
      QVERIFY(std::abs(d.logprobs[i] - std::log(natural[i])) < 1e-6);
      entropy -= natural[i] * std::log(natural[i]);
    }
    QVERIFY(std::abs(d.entropy - entropy) < 1e-6);
    QCOMPARE(d.top(2).size(), 2u);
    QCOMPARE(d.top(9).size(), 5u);
    QCOMPARE(d.top(1)[0].first, 1);
    QVERIFY(chi_square({.temperature = 1}, natural) < once_in_a_thousand);
  }

  void temperature() {
    std::vector<double> flat;
    double total = 0;
    for (const double p : natural) total += flat.emplace_back(std::sqrt(p));
    for (double& p : flat) p /= total;
    QVERIFY(chi_square({.temperature = 2}, flat) < once_in_a_thousand);
    QVERIFY(chi_square({.temperature = 1}, flat) > once_in_a_thousand);  // the check itself can fail
    Random random(1);
    for (int i = 0; i < 10; ++i) QCOMPARE(draw(distribution(), {.temperature = 0}, random), 1);
  }

  void top_k_keeps_the_likeliest() {
    QVERIFY(chi_square({.temperature = 1, .top_k = 2}, {0, 0.4 / 0.7, 0.3 / 0.7, 0, 0}) < once_in_a_thousand);
    QVERIFY(chi_square({.temperature = 1, .top_k = 100}, natural) < once_in_a_thousand);
  }

  // The fewest tokens whose probabilities reach p.
  void top_p_keeps_the_likeliest() {
    QVERIFY(chi_square({.temperature = 1, .top_p = 0.6}, {0, 0.4 / 0.7, 0.3 / 0.7, 0, 0}) < once_in_a_thousand);
    QVERIFY(chi_square({.temperature = 1, .top_p = 0.75}, {0, 0.4 / 0.85, 0.3 / 0.85, 0.15 / 0.85, 0}) <
            once_in_a_thousand);
    QVERIFY(chi_square({.temperature = 1, .top_p = 0}, {0, 1, 0, 0, 0}) < once_in_a_thousand);
  }

  // Of 30,000 tokens, against the numbers and the order that doubles and a whole sort give.
  void a_large_vocabulary() {
    constexpr int64_t size = 30000;
    Random random(3);
    std::vector<float> logits;
    for (int64_t i = 0; i < size; ++i) logits.push_back(static_cast<float>(2 * random.normal() - 40));
    logits[777] = logits[20000];  // ties
    const Distribution d(logits.data(), size);
    double sum = 0, entropy = 0, worst = 0;
    for (const float x : logits) sum += std::exp(double(x));
    std::vector<std::pair<double, int32_t>> sorted;
    for (int64_t i = 0; i < size; ++i) {
      const double logprob = logits[i] - std::log(sum);
      worst = std::max(worst, std::abs(d.logprobs[i] - logprob));
      entropy -= std::exp(logprob) * logprob;
      sorted.emplace_back(-logits[i], i);
    }
    QVERIFY2(worst < 2e-6, QByteArray::number(worst));
    QVERIFY2(std::abs(d.entropy - entropy) < 2e-6, QByteArray::number(d.entropy - entropy));
    std::sort(sorted.begin(), sorted.end());
    for (const double p : {0.01, 0.5, 0.9, 0.999}) {
      std::set<int32_t> nucleus;
      double kept = 0;
      for (size_t i = 0; i < sorted.size() && kept < p * sum; ++i) {
        kept += std::exp(-sorted[i].first);
        nucleus.insert(sorted[i].second);
      }
      std::set<int32_t> drawn;
      for (int i = 0; i < 300; ++i) drawn.insert(draw(d, {.temperature = 1, .top_p = p}, random));
      QVERIFY(std::includes(nucleus.begin(), nucleus.end(), drawn.begin(), drawn.end()));
      QVERIFY2(drawn.size() > std::min<size_t>(nucleus.size(), 150) / 2, QByteArray::number(qsizetype(drawn.size())));
    }
  }

  void a_temperature_near_zero_is_greedy() {
    Random random(1);
    for (const double temperature : {1e-3, 1e-30, 1e-300})
      for (int i = 0; i < 10; ++i) QCOMPARE(draw(distribution(), {.temperature = temperature}, random), 1);
  }

  void ties_go_to_the_smaller_id() {
    const std::vector<float> equal(4, 1.5f);
    const Distribution d(equal.data(), 4);
    Random random(1);
    QCOMPARE(draw(d, {.temperature = 0}, random), 0);
    QVERIFY(std::abs(d.entropy - std::log(4.0)) < 1e-6);
  }
};

QTEST_GUILESS_MAIN(SamplingTest)
#include "sampling_test.moc"
