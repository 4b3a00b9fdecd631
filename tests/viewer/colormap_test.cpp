#include "viewer/colormap.h"

#include <QtTest>
#include <cmath>
#include <limits>

using namespace stemma;

class ColormapTest : public QObject {
  Q_OBJECT

 private slots:
  void sequential_ends_are_cividis() {
    const Rgba low = sequential_colour(0), high = sequential_colour(1);  // cividis: (0,34,78) and (254,232,56)
    QVERIFY(low.r <= 4 && std::abs(low.g - 34) <= 4 && std::abs(low.b - 78) <= 6);
    QVERIFY(high.r >= 250 && std::abs(high.g - 232) <= 4 && std::abs(high.b - 56) <= 16);
  }

  void sequential_grows_lighter_all_the_way() {  // so that it survives grey print
    double before = -1;
    for (int i = 0; i <= 64; ++i) {
      const double light = luminance(sequential_colour(i / 64.0));
      QVERIFY(light > before);
      before = light;
    }
  }

  void out_of_range_is_clamped_and_nan_is_no_colour_of_the_map() {
    QVERIFY(sequential_colour(-3) == sequential_colour(0));
    QVERIFY(sequential_colour(7) == sequential_colour(1));
    QVERIFY(diverging_colour(9) == diverging_colour(1));
    const double nan = std::numeric_limits<double>::quiet_NaN();
    QVERIFY(sequential_colour(nan) == unmeasured_colour());
    QVERIFY(diverging_colour(nan, true) == unmeasured_colour(true));
  }

  void diverging_is_blue_above_and_red_below_zero() {
    QVERIFY(diverging_colour(1) == (Rgba{0x21, 0x66, 0xAC}));
    QVERIFY(diverging_colour(-1) == (Rgba{0xB2, 0x18, 0x2B}));
    QVERIFY(diverging_colour(0) == (Rgba{0xF7, 0xF7, 0xF7}));
    for (bool dark : {false, true}) {
      QVERIFY(diverging_colour(0.6, dark).b > diverging_colour(0.6, dark).r);
      QVERIFY(diverging_colour(-0.6, dark).r > diverging_colour(-0.6, dark).b);
    }
  }

  void letters_on_every_tint_keep_seven_to_one() {
    for (int i = -20; i <= 20; ++i) {
      QVERIFY2(contrast({0x1A, 0x1A, 0x1A}, tint(i / 20.0)) >= 7, qPrintable(QString::number(i)));
      QVERIFY2(contrast({0xF2, 0xF0, 0xEC}, tint(i / 20.0, true)) >= 7, qPrintable(QString::number(i)));
    }
  }

  void contrast_of_black_and_white() { QVERIFY(std::abs(contrast({0, 0, 0}, {255, 255, 255}) - 21) < 0.01); }
};

QTEST_GUILESS_MAIN(ColormapTest)
#include "colormap_test.moc"
