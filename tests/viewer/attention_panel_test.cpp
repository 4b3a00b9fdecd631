// The panel of attention between steps, drawn without a display.
#include "viewer/attention_panel.h"

#include <QtTest>
#include <cmath>

#include "tests/viewer/headless_gl.h"
#include "viewer/viewer.h"

using namespace stemma;

namespace {

constexpr int width = 1000, height = 340;

// Each step looks at itself but for `hot`, which looks at step 2 alone.
std::shared_ptr<AttentionMap> made(int steps, int hot) {
  auto map = std::make_shared<AttentionMap>();
  map->steps = steps;
  map->layers = 4, map->heads = 3;
  map->trace_id = "t001";
  map->values.assign(static_cast<size_t>(steps) * steps, std::nanf(""));
  for (int i = 0; i < steps; ++i) {
    for (int j = 0; j <= i; ++j) map->values[static_cast<size_t>(i) * steps + j] = 0;
    map->values[static_cast<size_t>(i) * steps + (i == hot ? 2 : i)] = 1;
    map->step_texts.push_back("step in words");
  }
  return map;
}

Input still() {
  Input input;
  input.width = width, input.height = height, input.scale = 1;
  return input;
}

Rgba pixel(const std::vector<uint8_t>& pixels, double x, double y) {
  const size_t at = (static_cast<size_t>(y) * width + static_cast<size_t>(x)) * 4;
  return {pixels[at], pixels[at + 1], pixels[at + 2], 255};
}
bool near(Rgba a, Rgba b) { return std::abs(a.r - b.r) <= 2 && std::abs(a.g - b.g) <= 2 && std::abs(a.b - b.b) <= 2; }

}  // namespace

class AttentionPanelTest : public QObject {
  Q_OBJECT

  static std::optional<int> click(AttentionPanel& panel, Viewer& viewer, double x, double y) {
    std::optional<int> chosen;
    for (const bool down : {true, false}) {
      Input input = still();
      input.inside = true, input.down = down, input.mouse_x = x, input.mouse_y = y;
      viewer.draw(input, [&](Canvas& canvas) { chosen = panel.frame(canvas, input); });
    }
    return chosen;
  }

 private slots:
  void a_hot_cell_is_seen_and_a_click_chooses_its_step() {
    for (const int steps : {9, 700}) {  // few, and more than there are pixels
      test::HeadlessGl gl(width, height);
      if (!gl.missing().empty()) QSKIP(gl.missing().c_str());
      Viewer viewer;
      AttentionPanel panel;
      const int hot = steps * 2 / 3;
      panel.show(made(steps, hot));
      viewer.draw(still(), [&](Canvas& canvas) { panel.frame(canvas, still()); });
      QCOMPARE(gl.error(), 0u);
      const Box cell = panel.box_of(hot, 2);
      const double x = cell.x + cell.width / 2, y = cell.y + cell.height / 2;
      QVERIFY(near(pixel(gl.pixels(), x, y), sequential_colour(1)));
      QVERIFY(near(pixel(gl.pixels(), x + panel.plot().width / 3, y), sequential_colour(0)));
      const auto chosen = click(panel, viewer, x, y);
      QVERIFY(chosen && std::abs(*chosen - hot) <= (steps > 100 ? 3 : 0));
      panel.set_cursor(hot);
      QCOMPARE(panel.most_seen().front().place, 2);
      QCOMPARE(static_cast<int>(panel.most_seen().size()), hot + 1);
      // The first of the list is step 2: a click on it goes there.
      const auto seen = click(panel, viewer, panel.plot().right() + 80, panel.plot().y + 30);
      QVERIFY(seen);
      QCOMPARE(*seen, 2);
    }
  }

  void arrows_stay_inside_and_a_wheel_brings_nearer() {
    test::HeadlessGl gl(width, height);
    if (!gl.missing().empty()) QSKIP(gl.missing().c_str());
    Viewer viewer;
    AttentionPanel panel;
    panel.show(made(40, 20));
    panel.set_cursor(39);
    Input input = still();
    input.keys = {Key::down};
    std::optional<int> chosen;
    viewer.draw(input, [&](Canvas& canvas) { chosen = panel.frame(canvas, input); });
    QVERIFY(!chosen);
    input.keys = {Key::up};
    viewer.draw(input, [&](Canvas& canvas) { chosen = panel.frame(canvas, input); });
    QCOMPARE(chosen.value_or(-1), 38);
    const double before = panel.box_of(1, 1).width;
    input.keys.clear();
    input.inside = true, input.mouse_x = panel.plot().x + 20, input.mouse_y = panel.plot().y + 20, input.wheel = 3;
    viewer.draw(input, [&](Canvas& canvas) { panel.frame(canvas, input); });
    QVERIFY(panel.box_of(1, 1).width > 1.5 * before);
    panel.set_cursor(38);  // scrolled into sight
    const Box row = panel.box_of(38, 38);
    QVERIFY(row.y >= panel.plot().y - 1 && row.bottom() <= panel.plot().bottom() + 1);
  }

  void without_a_map_it_says_why() {
    test::HeadlessGl gl(width, height);
    if (!gl.missing().empty()) QSKIP(gl.missing().c_str());
    Viewer viewer;
    AttentionPanel panel;
    panel.set_message("Attention was not recorded.");
    viewer.draw(still(), [&](Canvas& canvas) { panel.frame(canvas, still()); });
    const auto pixels = gl.pixels();
    QVERIFY(std::any_of(pixels.begin(), pixels.end(), [](uint8_t v) { return v < 0x90; }));
  }
};

QTEST_GUILESS_MAIN(AttentionPanelTest)
#include "attention_panel_test.moc"
