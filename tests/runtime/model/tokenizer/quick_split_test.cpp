// The splitters written by hand cut as their patterns do: every character of Unicode, and what stands beside others.
#include "runtime/model/tokenizer/quick_split.h"

#include <QtTest>
#include <random>
#include <string>

#include "runtime/model/tokenizer/characters.h"
#include "tests/support/quick_split_difference.h"

using namespace stemma;

class QuickSplitTest : public QObject {
  Q_OBJECT

 private slots:
  void every_character() {
    std::string text;
    for (char32_t character = 0; character < 0x110000; ++character) {
      if (character >= 0xD800 && character < 0xE000) continue;
      for (const char* before : {"a", " ", "."}) {
        text += before;
        append_utf8(text, character);
      }
      if (text.size() < 8'000'000 && character != 0x10FFFF) continue;
      for (std::string_view pattern : {gpt2_pattern, cl100k_pattern, qwen2_pattern})
        QCOMPARE(quick_split_difference(pattern, text), ptrdiff_t{-1});
      text.clear();
    }
  }

  void ends_of_text() {
    const std::string words =
        "We'LL say 'tis \u00e9t\u00e9's abcdefgh abcdefghi  12345\t\n x\u017F'\u017Fy ...\r\n\r\n  \u3000z";
    for (size_t begin = 0; begin < words.size(); ++begin)
      for (size_t size = 0; begin + size <= words.size(); ++size)
        for (std::string_view pattern : {gpt2_pattern, cl100k_pattern, qwen2_pattern})
          QCOMPARE(quick_split_difference(pattern, std::string_view(words).substr(begin, size)), ptrdiff_t{-1});
  }

  void random_text_data() {
    QTest::addColumn<QString>("characters");
    QTest::newRow("ASCII") << "aZs'tlLveEdD09 \t\n\r.,/-";
    QTest::newRow("spaces and signs") << "a0 \t\n\r.'";
    QTest::newRow("all planes") << QString::fromUtf8(
        "aZs'tlLveEdD09 \t\n\r.,/-\u00e9\u00a0\u017f\u0130\u0301\u0663\u3000\u6f22\U0001d7d8");
  }
  void random_text() {
    QFETCH(QString, characters);
    std::mt19937 random(5);
    const std::u32string alphabet = characters.toStdU32String();
    for (int round = 0; round < 40; ++round) {
      std::string text;
      while (text.size() < 20'000)
        for (auto run = random() % 12; run > 0; --run)
          append_utf8(text, random() % 3 == 0 ? U'a' + random() % 26 : alphabet[random() % alphabet.size()]);
      for (std::string_view pattern : {gpt2_pattern, cl100k_pattern, qwen2_pattern})
        QCOMPARE(quick_split_difference(pattern, text), ptrdiff_t{-1});
    }
  }
};

QTEST_GUILESS_MAIN(QuickSplitTest)
#include "quick_split_test.moc"
