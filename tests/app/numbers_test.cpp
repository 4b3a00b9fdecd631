// Numbers for people, and letters of tokens.
#include "app/numbers.h"

#include <QtTest>
#include <cmath>

#include "app/panels/trace/token_text.h"

using namespace stemma;

class NumbersTest : public QObject {
  Q_OBJECT

 private slots:
  void three_significant_digits() {
    QCOMPARE(significant(0.83412), QString("0.834"));
    QCOMPARE(significant(12.345, true), QString("+12.3"));
    QCOMPARE(significant(-1.0, true), QString("−1.00"));
    QCOMPARE(significant(9.996), QString("10.0"));
    QCOMPARE(significant(1234), QString("1,230"));
    QCOMPARE(significant(1.2345e-5, true), QString("+1.23 × 10⁻⁵"));
    QCOMPARE(significant(0), QString("0"));
    QCOMPARE(significant(std::nan("")), QString("–"));
  }

  void one_power_for_a_list() {
    const Scale scale = scale_for(4.2e-5);
    QCOMPARE(scale.unit("nats"), QString("10⁻⁶ nats"));
    QCOMPARE(scale.text(4.2e-5, true), QString("+42.0"));
    QCOMPARE(scale_for(1.5).unit("nats"), QString("nats"));
    QCOMPARE(scale_for(0).text(0), QString("0"));
  }

  void times_and_counts() {
    QCOMPARE(duration(40), QString("40 s"));
    QCOMPARE(duration(200), QString("3 min"));
    QCOMPARE(duration(-1), QString("–"));
    QCOMPARE(count(22000), QString("22,000"));
    QCOMPARE(counted(1, "token", "tokens"), QString("1 token"));
  }

  void tokens_of_a_text() {
    const std::string text = "<think>The rise\xC3\xA9\n</think>";
    const std::vector<uint32_t> offsets = {0, 7, 10, 15, 16, 17, 18, 26};  // é is parted between two tokens
    const TokenRun quiet = token_run(text, offsets, 5, false);
    QCOMPARE(quiet.text, QString("The riseé"));
    QCOMPARE(quiet.ranges.size(), size_t(7));
    QCOMPARE(quiet.ranges[0].first, quiet.ranges[0].second);  // hidden
    QCOMPARE(quiet.ranges[1], (std::pair{0, 3}));
    QCOMPARE(quiet.ranges[3], (std::pair{8, 9}));
    const TokenRun marked = token_run(text, offsets, 5, true);
    QVERIFY(marked.text.startsWith("<think>The·rise"));
    QVERIFY(marked.text.contains("↵"));
    QVERIFY(looks_special("<|endoftext|>"));
    QVERIFY(!looks_special("<"));
    QVERIFY(!looks_special("a < b > c"));
  }

  void bytes_that_are_no_text() {
    const std::string text = "a\xFF\xC3z";
    const std::vector<uint32_t> offsets = {0, 1, 2, 3, 4};
    const TokenRun run = token_run(text, offsets, 0, false);
    QCOMPARE(run.text, QString("a\uFFFD\uFFFDz"));
    const std::vector<uint32_t> wild = {0, 3, 99};
    QCOMPARE(token_run(text, wild, 0, false).ranges.back().second, 4);
  }

  void the_token_under_a_point() {
    TokenParagraph paragraph;
    const std::string text = "one two three four";
    paragraph.set(token_run(text, std::vector<uint32_t>{0, 3, 7, 13, 18}, 10, false), QFont());
    paragraph.layout(1000, 20);
    for (int token = 10; token < 14; ++token) QCOMPARE(paragraph.token_at(paragraph.rectangle(token).center()), token);
    QCOMPARE(paragraph.token_at({999, 5}), -1);
    QCOMPARE(paragraph.token_at({5, 500}), -1);
  }
};

QTEST_MAIN(NumbersTest)
#include "numbers_test.moc"
