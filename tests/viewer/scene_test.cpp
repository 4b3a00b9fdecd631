#include "viewer/scene.h"

#include <QtTest>

using namespace stemma;

namespace {
Scene wide() {
  Scene scene;
  scene.set_size(4, 1000);
  scene.set_plot({40, 50, 800, 200});
  return scene;
}
}  // namespace

class SceneTest : public QObject {
  Q_OBJECT

 private slots:
  void all_of_it_is_shown_first() {
    const Scene scene = wide();
    QCOMPARE(scene.first(), 0.0);
    QCOMPARE(scene.shown(), 1000.0);
  }

  void the_last_layer_is_on_top() {
    const Scene scene = wide();
    QCOMPARE(scene.cell_at(40.1, 50.1)->layer, 3);
    QCOMPARE(scene.cell_at(40.1, 249.9)->layer, 0);
    QCOMPARE(scene.cell_at(839.9, 60)->token, 999);
    QVERIFY(!scene.cell_at(39, 60) && !scene.cell_at(41, 251));
  }

  void every_cell_lies_where_it_is_found() {
    Scene scene = wide();
    scene.zoom(20, 500);
    for (int token = static_cast<int>(scene.first()) + 1; token < scene.first() + scene.shown() - 1; ++token) {
      for (int layer = 0; layer < 4; ++layer) {
        const Box box = scene.box_of({layer, token});
        QVERIFY(scene.cell_at(box.x + box.width / 2, box.y + box.height / 2) == (Cell{layer, token}));
      }
    }
  }

  void zoom_keeps_the_token_under_the_pointer() {
    Scene scene = wide();
    const int before = scene.cell_at(440, 60)->token;
    scene.zoom(8, 440);
    QVERIFY(scene.shown() < 126);
    QCOMPARE(scene.cell_at(440, 60)->token, before);
  }

  void pan_stops_at_the_ends() {
    Scene scene = wide();
    scene.zoom(10, 440);
    scene.pan(1e6);
    QCOMPARE(scene.first(), 0.0);
    scene.pan(-1e6);
    QVERIFY(std::abs(scene.first() + scene.shown() - 1000) < 1e-9);
  }

  void reveal_brings_a_token_into_sight_and_moves_no_more_than_needed() {
    Scene scene = wide();
    scene.zoom(20, 40);
    const double before = scene.first();
    scene.reveal(10);
    QCOMPARE(scene.first(), before);
    scene.reveal(900);
    QVERIFY(scene.first() <= 900 && scene.first() + scene.shown() >= 901);
  }

  void a_short_trace_is_not_stretched() {
    Scene scene;
    scene.set_size(4, 5);
    scene.set_plot({0, 0, 800, 200});
    QVERIFY(scene.column_width() < 40);
    QVERIFY(!scene.cell_at(700, 10));
  }

  void an_empty_scene_has_no_cell() {
    Scene scene;
    scene.set_plot({0, 0, 800, 200});
    QVERIFY(!scene.cell_at(10, 10));
  }
};

QTEST_GUILESS_MAIN(SceneTest)
#include "scene_test.moc"
