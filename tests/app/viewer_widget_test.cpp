#include "app/viewer_widget.h"

#include <QLabel>
#include <QSignalSpy>
#include <QtTest>

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
}  // namespace

// Runs on whatever display there is: offscreen it is the painted map, on X11 with OpenGL the real one.
class ViewerWidgetTest : public QObject {
  Q_OBJECT

 private slots:
  void offscreen_has_no_opengl_and_says_so() {
    if (QGuiApplication::platformName() != "offscreen") QSKIP("this display may have OpenGL");
    ViewerWidget widget;
    QVERIFY(!widget.has_opengl());
    QVERIFY(widget.findChild<QLabel*>()->text().contains("no OpenGL"));
  }

  void shows_a_map_and_a_click_chooses() {
    ViewerWidget widget;
    widget.resize(900, 320);
    widget.set_message("Nothing recorded");
    widget.show();
    QVERIFY(QTest::qWaitForWindowExposed(&widget));
    const QImage empty = widget.grab().toImage();
    widget.show_activations(small_map());
    widget.set_cursor(1, 5);
    QTest::qWait(50);
    const QImage full = widget.grab().toImage();
    QVERIFY(full != empty);
    const QString kept = qEnvironmentVariable("STEMMA_TEST_PICTURES");
    if (!kept.isEmpty()) full.save(kept + "/widget-" + QGuiApplication::platformName() + ".png");

    QSignalSpy chosen(&widget, &ViewerWidget::cursor_chosen);
    QWidget* canvas = widget.childAt(400, 200);
    QTest::mouseClick(canvas, Qt::LeftButton, {}, canvas->mapFrom(&widget, QPoint(400, 200)));
    QTRY_COMPARE(chosen.count(), 1);
    QVERIFY(chosen[0][0].toInt() >= 0 && chosen[0][0].toInt() < 4);
    QCOMPARE(chosen[0][1].toInt(), 12);  // (400 - 46) / 28
    QTest::keyClick(canvas, Qt::Key_Right);
    QTRY_COMPARE(chosen.count(), 2);
    QCOMPARE(chosen[1][1].toInt(), 13);
  }

  void set_cursor_says_nothing_and_dark_changes_the_picture() {
    ViewerWidget widget;
    widget.resize(600, 240);
    widget.show_activations(small_map());
    widget.show();
    QVERIFY(QTest::qWaitForWindowExposed(&widget));
    QSignalSpy chosen(&widget, &ViewerWidget::cursor_chosen);
    widget.set_cursor(3, 29);
    widget.set_cursor(9, 999);
    widget.set_cursor(-1, -1);
    const QImage light = widget.grab().toImage();
    widget.set_dark(true);
    QVERIFY(widget.grab().toImage() != light);
    widget.show_activations(nullptr);
    widget.grab();
    QCOMPARE(chosen.count(), 0);
  }

  void hidden_shown_and_destroyed_again_and_again() {
    for (int i = 0; i < 3; ++i) {
      ViewerWidget widget;
      widget.show_activations(small_map());
      widget.resize(300 + 100 * i, 200);
      widget.show();
      QVERIFY(QTest::qWaitForWindowExposed(&widget));
      widget.hide();
      widget.show();
      widget.grab();
    }
  }
};

QTEST_MAIN(ViewerWidgetTest)
#include "viewer_widget_test.moc"
