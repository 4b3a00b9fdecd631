// The panel on a canvas that only remembers what was drawn: layout, words, clicks.
#include "viewer/activation_map.h"

#include <QtTest>
#include <limits>

using namespace stemma;

namespace {

struct RememberingCanvas : Canvas {
  struct Word {
    double x, baseline;
    std::string text;
  };
  std::vector<Word> words;
  int images = 0;
  double text_width(std::string_view text, TextStyle style) override { return 0.6 * style.size * static_cast<double>(text.size()); }
  void fill(const Box&, Rgba) override {}
  void line(double, double, double, double, double, Rgba, bool) override {}
  void text(double x, double baseline, std::string_view text, TextStyle, Rgba) override { words.push_back({x, baseline, std::string(text)}); }
  void cells(const Box&, const Cells&, const Box&) override { ++images; }
  bool says(const std::string& part) const {
    return std::any_of(words.begin(), words.end(), [&](const Word& w) { return w.text.find(part) != std::string::npos; });
  }
};

std::shared_ptr<ActivationMap> ramp_map(int layers, int tokens) {
  auto map = std::make_shared<ActivationMap>();
  map->layers = layers;
  map->tokens = tokens;
  map->quantity = "Norm of the residual stream";
  for (int i = 0; i < layers * tokens; ++i) map->values.push_back(static_cast<float>(i));
  for (int i = 0; i < layers; ++i) map->layer_names.push_back(std::to_string(i));
  for (int i = 0; i < tokens; ++i) map->token_texts.push_back(" w" + std::to_string(i));
  map->step_begins = {0, tokens / 2};
  return map;
}

Input still(double width = 900, double height = 300) {
  Input input;
  input.width = width;
  input.height = height;
  return input;
}

}  // namespace

class ActivationMapTest : public QObject {
  Q_OBJECT

 private slots:
  void without_a_map_it_says_the_message() {
    ActivationMapPanel panel;
    panel.set_message("No recorded activations yet");
    RememberingCanvas canvas;
    QVERIFY(!panel.frame(canvas, still()));
    QVERIFY(canvas.says("No recorded activations yet"));
    QCOMPARE(canvas.images, 0);
  }

  void an_empty_map_is_no_map() {
    ActivationMapPanel panel;
    panel.show(std::make_shared<ActivationMap>());
    QVERIFY(panel.map() == nullptr);
  }

  void a_press_and_release_in_place_chooses_the_cell() {
    ActivationMapPanel panel;
    panel.show(ramp_map(4, 20));
    RememberingCanvas canvas;
    Input input = still();
    panel.frame(canvas, input);
    const Box box = panel.scene().box_of({2, 7});
    input.inside = true;
    input.mouse_x = box.x + box.width / 2;
    input.mouse_y = box.y + box.height / 2;
    input.down = true;
    QVERIFY(!panel.frame(canvas, input));
    input.down = false;
    const auto chosen = panel.frame(canvas, input);
    QVERIFY(chosen && *chosen == (Cell{2, 7}));
    QVERIFY(canvas.says("layer 2 · token 7 “·w7” · 47.0"));
  }

  void a_drag_pans_and_chooses_nothing() {
    ActivationMapPanel panel;
    panel.show(ramp_map(4, 400));
    RememberingCanvas canvas;
    Input input = still();
    input.inside = true;
    input.mouse_x = 500;
    input.mouse_y = 150;
    panel.frame(canvas, input);
    input.wheel = 8;
    panel.frame(canvas, input);
    input.wheel = 0;
    const double before = panel.scene().first();
    QVERIFY(before > 0);
    input.down = true;
    panel.frame(canvas, input);
    input.mouse_x = 400;
    panel.frame(canvas, input);
    input.down = false;
    QVERIFY(!panel.frame(canvas, input));
    QVERIFY(panel.scene().first() > before);
  }

  void a_double_click_shows_all_and_chooses_nothing() {
    ActivationMapPanel panel;
    panel.show(ramp_map(4, 400));
    RememberingCanvas canvas;
    Input input = still();
    input.inside = true;
    input.mouse_x = 500;
    input.mouse_y = 150;
    panel.frame(canvas, input);
    input.wheel = 8;
    panel.frame(canvas, input);
    input.wheel = 0;
    input.down = input.double_click = true;
    panel.frame(canvas, input);
    input.down = input.double_click = false;
    QVERIFY(!panel.frame(canvas, input));
    QCOMPARE(panel.scene().shown(), 400.0);
  }

  void arrows_walk_and_stop_at_the_edge() {
    ActivationMapPanel panel;
    panel.show(ramp_map(3, 5));
    panel.set_cursor({0, 3});
    RememberingCanvas canvas;
    Input input = still();
    input.keys = {Key::right};
    QVERIFY(panel.frame(canvas, input) == std::optional(Cell{0, 4}));
    QVERIFY(!panel.frame(canvas, input));
    input.keys = {Key::up};
    QVERIFY(panel.frame(canvas, input) == std::optional(Cell{1, 4}));
  }

  void token_texts_appear_when_there_is_room_and_numbers_before() {
    ActivationMapPanel panel;
    panel.show(ramp_map(4, 400));
    RememberingCanvas far, near;
    Input input = still();
    panel.frame(far, input);
    QVERIFY(!far.says("·w2") && far.says("100"));
    input.inside = true;
    input.mouse_x = 100;
    input.mouse_y = 150;
    input.wheel = 20;
    panel.frame(near, input);
    QVERIFY(near.says("·w2"));
  }

  void nothing_is_written_outside_the_canvas() {
    for (double width : {320.0, 700.0, 2400.0}) {
      ActivationMapPanel panel;
      panel.show(ramp_map(12, 300));
      panel.set_cursor({11, 299});
      RememberingCanvas canvas;
      Input input = still(width, 220);
      input.inside = true;
      input.mouse_x = width - 13;
      input.mouse_y = 100;
      panel.frame(canvas, input);
      for (const auto& word : canvas.words) {
        const bool fits = word.x >= 0 && word.baseline > 8 && word.baseline < 220 && word.x + canvas.text_width(word.text, {11}) <= width + 1;
        QVERIFY2(fits, word.text.c_str());
      }
    }
  }

  void a_map_with_fewer_tokens_drops_a_cursor_beyond_it() {
    ActivationMapPanel panel;
    panel.show(ramp_map(4, 50));
    panel.set_cursor({3, 49});
    panel.show(ramp_map(4, 10));
    QCOMPARE(panel.cursor().token, -1);
  }

  void range_leaves_out_one_outlier_and_says_so() {
    auto map = ramp_map(1, 300);
    map->values[5] = 1e6f;
    const ColourRange range = colour_range(*map);
    QVERIFY(range.high < 400 && range.cut);
  }

  void range_of_nothing_and_of_one_value() {
    auto map = ramp_map(1, 3);
    map->values.assign(3, std::numeric_limits<float>::quiet_NaN());
    QVERIFY(colour_range(*map).high > colour_range(*map).low);
    map->values.assign(3, 4.f);
    const ColourRange range = colour_range(*map);
    QVERIFY(range.low < 4 && range.high > 4);
  }

  void a_diverging_range_is_symmetric() {
    auto map = ramp_map(1, 4);
    map->diverging = true;
    map->values = {-0.2f, 0.1f, 0.9f, 0.f};
    const ColourRange range = colour_range(*map);
    QCOMPARE(range.low, -range.high);
  }

  void cells_put_the_last_layer_first() {
    const auto map = ramp_map(2, 2);
    const Cells cells = colour_cells(*map, {0, 3, false}, false);
    QVERIFY(cells.pixels[0] == sequential_colour(2 / 3.0));
    QVERIFY(cells.pixels[3] == sequential_colour(1 / 3.0));
  }

  void three_digits_and_a_true_minus() {
    QCOMPARE(written(12), std::string("12.0"));
    QCOMPARE(written(0.5), std::string("0.500"));
    QCOMPARE(written(-3.14159), std::string("−3.14"));
    QCOMPARE(written(0), std::string("0"));
    QCOMPARE(written(1044.2), std::string("1,040"));
    QCOMPARE(written(-999.6), std::string("−1,000"));
    QCOMPARE(written(0.000123), std::string("0.000123"));
    QCOMPARE(written(1.5e-6), std::string("1.50 × 10⁻⁶"));
    QCOMPARE(written(2e7), std::string("2.00 × 10⁷"));
    QCOMPARE(written(std::nan("")), std::string("–"));
  }
};

QTEST_GUILESS_MAIN(ActivationMapTest)
#include "activation_map_test.moc"
