#include "app/canvas_widget.h"

#include <QLabel>
#include <QSignalSpy>
#include <QtTest>

#include "viewer/activation_map.h"

using namespace stemma;

namespace {
std::shared_ptr<const ActivationMap> small_map() {
  auto map = std::make_shared<ActivationMap>();
  map->layers = 4;
  map->tokens = 30;
  map->quantity = "Norm of the residual stream";
  for (int i = 0; i < 120; ++i) map->values.push_back(static_cast<float>(i % 17));
  for (int i = 0; i < 4; ++i) map->layer_names.push_back(std::to_string(i));
  for (int i = 0; i < 30; ++i) map->token_texts.push_back(" t" + std::to_string(i));
  map->step_begins = {0, 12};
  return map;
}
// A panel on the widget; what was chosen is kept.
struct Shown {
  ActivationMapPanel panel;
  CanvasWidget widget;
  std::vector<Cell> chosen;
  explicit Shown(std::shared_ptr<const ActivationMap> map) {
    panel.show(std::move(map));
    widget.show_frame([this](Canvas& canvas, const Input& input) {
      if (const auto cell = panel.frame(canvas, input)) chosen.push_back(*cell);
    });
  }
};
}  // namespace

// Runs on whatever display there is: offscreen it is the painted map, on X11 with OpenGL the real one.
class CanvasWidgetTest : public QObject {
  Q_OBJECT

 private slots:
  void offscreen_has_no_opengl_and_says_so() {
    if (QGuiApplication::platformName() != "offscreen") QSKIP("this display may have OpenGL");
    CanvasWidget widget;
    QVERIFY(!widget.has_opengl());
    QVERIFY(widget.findChild<QLabel*>()->text().contains("no OpenGL"));
  }

  void shows_a_map_and_a_click_chooses() {
    Shown shown(nullptr);
    CanvasWidget& widget = shown.widget;
    widget.resize(900, 320);
    shown.panel.set_message("Nothing recorded");
    widget.show();
    QVERIFY(QTest::qWaitForWindowExposed(&widget));
    const QImage empty = widget.grab().toImage();
    shown.panel.show(small_map());
    shown.panel.set_cursor({1, 5});
    widget.redraw();
    QTest::qWait(50);
    const QImage full = widget.grab().toImage();
    QVERIFY(full != empty);

    QWidget* canvas = widget.childAt(400, 200);
    QTest::mouseClick(canvas, Qt::LeftButton, {}, canvas->mapFrom(&widget, QPoint(400, 200)));
    QTRY_COMPARE(shown.chosen.size(), size_t{1});
    QVERIFY(shown.chosen[0].layer >= 0 && shown.chosen[0].layer < 4);
    QCOMPARE(shown.chosen[0].token, 12);  // (400 - 46) / 28
    QTest::keyClick(canvas, Qt::Key_Right);
    QTRY_COMPARE(shown.chosen.size(), size_t{2});
    QCOMPARE(shown.chosen[1].token, 13);
  }

  void set_cursor_says_nothing_and_dark_changes_the_picture() {
    Shown shown(small_map());
    CanvasWidget& widget = shown.widget;
    widget.resize(600, 240);
    widget.show();
    QVERIFY(QTest::qWaitForWindowExposed(&widget));
    for (const Cell cell : {Cell{3, 29}, Cell{9, 999}, Cell{-1, -1}}) shown.panel.set_cursor(cell);
    widget.redraw();
    const QImage light = widget.grab().toImage();
    shown.panel.set_dark(true);
    widget.redraw();
    QVERIFY(widget.grab().toImage() != light);
    shown.panel.show(nullptr);
    widget.grab();
    QVERIFY(shown.chosen.empty());
  }

  void hidden_shown_and_destroyed_again_and_again() {
    for (int i = 0; i < 3; ++i) {
      Shown shown(small_map());
      shown.widget.resize(300 + 100 * i, 200);
      shown.widget.show();
      QVERIFY(QTest::qWaitForWindowExposed(&shown.widget));
      shown.widget.hide();
      shown.widget.show();
      shown.widget.grab();
    }
  }
};

QTEST_MAIN(CanvasWidgetTest)
#include "canvas_widget_test.moc"
