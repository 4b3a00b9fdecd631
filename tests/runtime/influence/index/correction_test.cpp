// Errors that follow from the numbers are learned from some documents and hold for the others; noise is not.
#include "runtime/influence/index/correction.h"

#include <QtTest>
#include <cmath>

#include "runtime/random.h"

using namespace stemma;

class CorrectionTest : public QObject {
  Q_OBJECT

  static constexpr int64_t numbers = 40;
  static std::vector<float> random_numbers(Random& random, int64_t count) {
    std::vector<float> all(static_cast<size_t>(count));
    for (float& value : all) value = static_cast<float>(random.normal());
    return all;
  }
  static std::vector<float> products(const std::vector<float>& rows, const std::vector<float>& direction) {
    std::vector<float> all;
    for (size_t row = 0; row < rows.size(); row += numbers) {
      float sum = 0;
      for (size_t i = 0; i < numbers; ++i) sum += rows[row + i] * direction[i];
      all.push_back(sum);
    }
    return all;
  }
  static std::vector<float> correction(const std::vector<float>& rows, const std::vector<float>& errors) {
    ErrorRegression regression;
    regression.add(rows, errors);
    return regression.direction();
  }
  static double squares(const std::vector<float>& x) {
    double sum = 0;
    for (const float value : x) sum += double(value) * value;
    return sum;
  }

 private slots:
  void what_the_numbers_say_is_learned() {
    Random random(7);
    const auto truth = random_numbers(random, numbers);
    const auto seen = random_numbers(random, 400 * numbers), unseen = random_numbers(random, 100 * numbers);
    const auto learned = correction(seen, products(seen, truth));
    QCOMPARE(learned.size(), size_t(numbers));
    auto left = products(unseen, truth);
    const double before = squares(left);
    const auto corrections = products(unseen, learned);
    for (size_t i = 0; i < left.size(); ++i) left[i] -= corrections[i];
    QVERIFY2(squares(left) < 0.01 * before, qPrintable(QString::number(squares(left) / before)));
  }

  // (K + s I)^-1 errors, by hand: K = diag(4, 1), s a fifth of 2.5.
  void is_ridge_regression() {
    const auto learned = correction({2, 0, 0, 1}, {9, 3});
    QCOMPARE(learned, (std::vector<float>{2 * 9 / 4.5f, 3 / 1.5f}));
  }

  // Added in parts, it is the same.
  void grows() {
    Random random(9);
    const auto rows = random_numbers(random, 60 * numbers), errors = random_numbers(random, 60);
    const auto whole = correction(rows, errors);
    ErrorRegression regression;
    for (const auto& [first, last] : {std::pair{0, 20}, {20, 20}, {20, 21}, {21, 60}})
      regression.add({rows.begin() + first * numbers, rows.begin() + last * numbers},
                     {errors.begin() + first, errors.begin() + last});
    const auto parts = regression.direction();
    for (size_t i = 0; i < whole.size(); ++i) QVERIFY(std::abs(parts[i] - whole[i]) < 1e-4);
  }

  void noise_changes_little() {
    Random random(8);
    const auto seen = random_numbers(random, 2000 * numbers), errors = random_numbers(random, 2000);
    const auto corrections = products(random_numbers(random, 500 * numbers), correction(seen, errors));
    QVERIFY(squares(corrections) / 500 < 0.1 * squares(errors) / 2000);
  }

  void nothing_to_learn_from() {
    QVERIFY(correction({}, {}).empty());
    QCOMPARE(correction({0, 0, 0, 0}, {1, 2}), (std::vector<float>{0, 0}));
  }
};

QTEST_GUILESS_MAIN(CorrectionTest)
#include "correction_test.moc"
