// Questions to a worker: answers come on the UI thread, and only those that are still wanted.
#include "app/ask.h"

#include <QtTest>
#include <atomic>
#include <thread>

#include "runtime/error.h"

using namespace stemma;

class AskTest : public QObject {
  Q_OBJECT

 private slots:
  void the_answer_comes_on_the_ui_thread() {
    Worker worker;
    QObject asker;
    auto* ask = new Ask(&asker);
    std::thread::id worked, answered;
    int answer = 0;
    (*ask)(
        worker,
        [&worked] {
          worked = std::this_thread::get_id();
          return 42;
        },
        [&](int value) {
          answer = value;
          answered = std::this_thread::get_id();
        });
    QTRY_COMPARE(answer, 42);
    QCOMPARE(answered, std::this_thread::get_id());
    QVERIFY(worked != answered);
  }

  void a_newer_question_makes_the_older_answer_unwanted() {
    Worker worker;
    QObject asker;
    auto* ask = new Ask(&asker);
    QList<int> answers;
    for (int i = 0; i < 5; ++i)
      (*ask)(
          worker, [i] { return i; }, [&answers](int value) { answers << value; });
    QTRY_COMPARE(answers, QList<int>{4});
  }

  void an_answer_for_the_dead_is_dropped() {
    Worker worker;
    auto asker = std::make_unique<QObject>();
    auto* ask = new Ask(asker.get());
    std::atomic<bool> go = false;
    std::atomic<bool> worked = false;
    bool answered = false;
    (*ask)(
        worker,
        [&] {
          while (!go) std::this_thread::yield();
          worked = true;
        },
        [&answered] { answered = true; });
    asker.reset();
    go = true;
    QTRY_VERIFY(worked.load());
    QTest::qWait(50);
    QVERIFY(!answered);
  }

  void what_is_thrown_arrives_as_its_sentence() {
    Worker worker;
    QObject asker;
    auto* ask = new Ask(&asker);
    QString sentence;
    (*ask)(
        worker, []() -> int { throw Error(ErrorCode::disk, "S.h5: the disk is full; free some space"); }, [](int) {},
        [&sentence](const QString& text) { sentence = text; });
    QTRY_COMPARE(sentence, QString("S.h5: the disk is full; free some space"));
  }
};

QTEST_MAIN(AskTest)
#include "ask_test.moc"
