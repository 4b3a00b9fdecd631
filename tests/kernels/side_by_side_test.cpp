// Parts are all taken, once, on lanes that are there; what one throws arrives and ends the rest.
#include "kernels/side_by_side.h"

#include <QtTest>
#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace stemma;

class SideBySideTest : public QObject {
  Q_OBJECT

 private slots:
  void every_part_once() {
    for (const int lanes : {1, 2, 4, 9})
      for (const int64_t count : {0, 1, 3, 200}) {
        std::vector<std::atomic<int>> taken(static_cast<size_t>(count));
        std::vector<int64_t> last(static_cast<size_t>(lanes), -1);  // of each lane
        std::atomic<bool> in_order = true;
        const auto here = std::this_thread::get_id();
        side_by_side(lanes, count, [&](int lane, int64_t i) {
          ++taken[static_cast<size_t>(i)];
          if (lane < 0 || lane >= lanes || last[static_cast<size_t>(lane)] >= i) in_order = false;
          if ((lane == 0) != (std::this_thread::get_id() == here)) in_order = false;
          last[static_cast<size_t>(lane)] = i;
        });
        QVERIFY(in_order);
        for (const auto& times : taken) QCOMPARE(times.load(), 1);
      }
  }

  // Both wait for the other: one after the other would never end.
  void lanes_run_at_the_same_time() {
    std::atomic<int> there = 0;
    side_by_side(2, 2, [&](int, int64_t) {
      ++there;
      while (there < 2) std::this_thread::yield();
    });
    QCOMPARE(there.load(), 2);
  }

  void what_a_part_throws_ends_it() {
    for (const int lanes : {1, 3}) {
      std::atomic<int64_t> begun = 0;
      const auto work = [&](int, int64_t i) {
        ++begun;
        if (i == 5) throw std::runtime_error("part 5");
      };
      QVERIFY_EXCEPTION_THROWN(side_by_side(lanes, 1 << 20, work), std::runtime_error);
      QVERIFY(begun < 1 << 20);
    }
  }
};

QTEST_GUILESS_MAIN(SideBySideTest)
#include "side_by_side_test.moc"
