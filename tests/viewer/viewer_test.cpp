// The whole viewer, drawn without a display; where STEMMA_TEST_PICTURES names a folder, what was drawn is kept there.
#include "viewer/activation_map.h"

#include <QFile>
#include <QtTest>
#include <cmath>
#include <limits>

#include "tests/viewer/headless_gl.h"
#include "viewer/viewer.h"

using namespace stemma;

namespace {

constexpr int width = 1000, height = 340;
const std::string sans = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", bold = "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf";

std::shared_ptr<ActivationMap> waves(int layers, int tokens, bool diverging) {
  auto map = std::make_shared<ActivationMap>();
  map->layers = layers;
  map->tokens = tokens;
  map->quantity = diverging ? "Cosine with the last layer's residual stream" : "Norm of the residual stream";
  map->diverging = diverging;
  for (int l = 0; l < layers; ++l) {
    map->layer_names.push_back(std::to_string(l));
    for (int t = 0; t < tokens; ++t) {
      const double wave = std::sin(t * 0.23 + l) * 0.6 + std::sin(t * 1.7 + 2 * l) * 0.4;
      map->values.push_back(static_cast<float>(diverging ? wave : 4 + 2 * l + wave));
    }
  }
  const char* words[] = {" the", " slope", " is", " 3", " so", " y", " =", "\n"};
  for (int t = 0; t < tokens; ++t) map->token_texts.push_back(words[t % 8]);
  map->step_begins = {0, tokens / 4, tokens / 2, tokens * 4 / 5};
  return map;
}

Rgba pixel(const std::vector<uint8_t>& pixels, double x, double y) {
  const size_t at = (static_cast<size_t>(y) * width + static_cast<size_t>(x)) * 4;
  return {pixels[at], pixels[at + 1], pixels[at + 2], 255};
}

bool near(Rgba a, Rgba b) { return std::abs(a.r - b.r) <= 2 && std::abs(a.g - b.g) <= 2 && std::abs(a.b - b.b) <= 2; }

void keep(const std::vector<uint8_t>& pixels, const char* name) {
  const QByteArray folder = qgetenv("STEMMA_TEST_PICTURES");
  if (folder.isEmpty()) return;
  QFile file(folder + "/" + name + ".ppm");
  if (!file.open(QIODevice::WriteOnly)) return;
  file.write(QStringLiteral("P6 %1 %2 255\n").arg(width).arg(height).toLatin1());
  for (size_t i = 0; i < pixels.size(); i += 4) file.write(reinterpret_cast<const char*>(&pixels[i]), 3);
}

Input still(double scale = 1) {
  Input input;
  input.width = width / scale;
  input.height = height / scale;
  input.scale = scale;
  return input;
}

void draw(Viewer& viewer, ActivationMapPanel& panel, const Input& input) {
  viewer.draw(input, [&](Canvas& canvas) { panel.frame(canvas, input); });
}

}  // namespace

class ViewerTest : public QObject {
  Q_OBJECT

 private slots:
  void cells_have_their_colours_on_the_screen() {
    for (bool dark : {false, true}) {
      test::HeadlessGl gl(width, height);
      if (!gl.missing().empty()) QSKIP(gl.missing().c_str());
      Viewer viewer(sans, bold);
    ActivationMapPanel panel;
      const auto map = waves(6, 160, dark);
      panel.set_dark(dark);
      panel.show(map);
      panel.set_cursor({3, 60});
      draw(viewer, panel, still());
      const auto pixels = gl.pixels();
      keep(pixels, dark ? "canvas-dark" : "canvas-light");
      QCOMPARE(gl.error(), 0u);
      const ColourRange range = colour_range(*map);
      for (Cell cell : {Cell{0, 3}, Cell{5, 20}, Cell{2, 100}, Cell{4, 150}}) {
        const Box box = panel.scene().box_of(cell);
        const double value = map->value(cell.layer, cell.token);
        const Rgba wanted = dark ? diverging_colour(value / range.high, true) : sequential_colour((value - range.low) / (range.high - range.low));
        QVERIFY(near(pixel(pixels, box.x + box.width / 2, box.y + box.height / 4), wanted));
      }
      const Box chosen = panel.scene().box_of({3, 60});
      QVERIFY(near(pixel(pixels, chosen.x + chosen.width / 2, panel.scene().plot().y - 3), dark ? Rgba{0xE0, 0xA0, 0x44} : accent_colour));
      QVERIFY(near(pixel(pixels, chosen.x - 1.5, chosen.y + 5), {255, 255, 255}));
    }
  }

  void zoomed_in_at_twice_the_pixels() {
    test::HeadlessGl gl(width, height);
    if (!gl.missing().empty()) QSKIP(gl.missing().c_str());
    Viewer viewer(sans, bold);
    ActivationMapPanel panel;
    panel.show(waves(4, 160, true));
    panel.set_cursor({1, 10});
    Input input = still(2);
    input.inside = true;
    input.mouse_x = 200;
    input.mouse_y = 100;
    draw(viewer, panel, input);
    input.wheel = 20;
    draw(viewer, panel, input);
    keep(gl.pixels(), "canvas-zoomed");
    QVERIFY(panel.scene().column_width() > 22);
    QCOMPARE(gl.error(), 0u);
  }

  void a_map_wider_than_a_texture() {
    test::HeadlessGl gl(width, height);
    if (!gl.missing().empty()) QSKIP(gl.missing().c_str());
    Viewer viewer(sans, bold);
    ActivationMapPanel panel;
    const auto map = waves(3, 9000, false);
    panel.show(map);
    draw(viewer, panel, still());
    Input end = still();
    end.inside = true;
    end.mouse_x = width - 20;
    end.mouse_y = 150;
    end.wheel = 40;
    draw(viewer, panel, end);
    const ColourRange range = colour_range(*map);
    const int token = static_cast<int>(panel.scene().first()) + 2;
    QVERIFY(token > 8192);
    const Box box = panel.scene().box_of({1, token});
    const double part = (map->value(1, token) - range.low) / (range.high - range.low);
    QVERIFY(near(pixel(gl.pixels(), box.x + box.width / 2, box.y + 5), sequential_colour(part)));
  }

  void not_measured_is_grey_and_no_map_is_a_sentence() {
    test::HeadlessGl gl(width, height);
    if (!gl.missing().empty()) QSKIP(gl.missing().c_str());
    Viewer viewer(sans, bold);
    ActivationMapPanel panel;
    panel.set_message("This trace has no recorded activations.");
    draw(viewer, panel, still());
    const auto empty = gl.pixels();
    QVERIFY(std::any_of(empty.begin(), empty.end(), [](uint8_t v) { return v < 0x90; }));
    auto map = waves(3, 50, false);
    std::fill_n(map->values.begin(), 50, std::numeric_limits<float>::quiet_NaN());
    panel.show(map);
    draw(viewer, panel, still());
    const Box box = panel.scene().box_of({0, 30});
    QVERIFY(near(pixel(gl.pixels(), box.x + box.width / 2, box.y + box.height / 2), unmeasured_colour()));
  }

  void two_viewers_live_side_by_side() {
    test::HeadlessGl gl(width, height);
    if (!gl.missing().empty()) QSKIP(gl.missing().c_str());
    Viewer one("/no/such/font.ttf"), two(sans, bold);
    ActivationMapPanel first, second;
    first.show(waves(2, 20, false));
    second.show(waves(2, 20, true));
    draw(one, first, still());
    draw(two, second, still());
    draw(one, first, still());
    QCOMPARE(gl.error(), 0u);
  }
};

QTEST_GUILESS_MAIN(ViewerTest)
#include "viewer_test.moc"
