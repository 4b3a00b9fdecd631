// What the instruction sets' tiles do beside products: the same as plain loops, to the bit.
#include "kernels/products/tiles.h"

#include <QtTest>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/half.h"

using namespace stemma;

class TilesTest : public QObject {
  Q_OBJECT

 private slots:
  void matrices_turned_over_have_their_numbers_in_place() {
    for (const int64_t rows : {1, 16, 37, 48})
      for (const int64_t columns : {1, 15, 16, 70}) {
        const int64_t from = columns + 3, to = rows + 5;
        std::vector<float> x(static_cast<size_t>(rows * from)), turned(static_cast<size_t>(columns * to), -1);
        for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i);
        cpu::best_tiles().transpose(x.data(), from, rows, columns, turned.data(), to);
        for (int64_t c = 0; c < columns; ++c)
          for (int64_t r = 0; r < to; ++r)
            QCOMPARE(turned[static_cast<size_t>(c * to + r)], r < rows ? static_cast<float>(r * from + c) : -1.0f);
      }
  }

  void numbers_are_rounded_to_the_nearest_in_place_too() {
    if (!cpu::best_tiles().round) QSKIP("This processor does not multiply bf16.");
    std::vector<float> x = {0, -0.0f, 1, 1.00390625f, 1.01171875f, -3.4e38f, INFINITY, -INFINITY, 1e-30f, 0.1f};
    while (x.size() < 37) x.push_back(std::sin(static_cast<float>(x.size())) * 1e3f);
    std::vector<uint16_t> expected, found(x.size() + 1, 7);
    for (const float number : x) expected.push_back(bf16_of(number));
    cpu::best_tiles().round(x.data(), std::ssize(x), found.data());
    QCOMPARE(found.back(), uint16_t{7});
    found.pop_back();
    QVERIFY(found == expected);
    auto* const over = reinterpret_cast<uint16_t*>(x.data());
    cpu::best_tiles().round(x.data(), std::ssize(expected), over);
    QVERIFY(std::equal(expected.begin(), expected.end(), over));
    float none = std::numeric_limits<float>::quiet_NaN();
    uint16_t rounded = 0;
    cpu::best_tiles().round(&none, 1, &rounded);
    QVERIFY((rounded & 0x7F80) == 0x7F80 && rounded & 0x7F);
  }
};

QTEST_GUILESS_MAIN(TilesTest)
#include "tiles_test.moc"
