// Lines of a corpus, held against another reader of JSON.
#include "runtime/corpus/json_line.h"

#include <QtTest>
#include <nlohmann/json.hpp>
#include <random>

using namespace stemma;

namespace {

std::string wrong_with(const std::string& line) {
  Document document;
  return read_json_line(line, document);
}

}  // namespace

class JsonLineTest : public QObject {
  Q_OBJECT
 private slots:
  void fields() {
    Document document;
    const std::string line =
        " {\"id\": -12.50e3 , \"text\": \"a\\\"b\\\\c\\/d\\n\\u00e9\\ud83d\\ude00\", \"task\": \"sum\", \"source\": "
        "\"s\", \"x\": [{\"text\": \"no\"}],\n"
        "\"facts\": [\"one\", 2, [\"no\"], \"two\"], \"task\": \"last\"}";
    QCOMPARE(read_json_line(line, document), std::string());
    QCOMPARE(document.name, std::string("-12.50e3"));
    QCOMPARE(document.text, std::string("a\"b\\c/d\n\xC3\xA9\xF0\x9F\x98\x80"));
    QCOMPARE(document.task, std::string("last"));
    QCOMPARE(document.source, std::string("s"));
    QCOMPARE(document.facts, (std::vector<std::string>{"one", "two"}));
    QCOMPARE(wrong_with("{\"id\": 123456789012345678901234567890, \"text\": \"a\", \"facts\": \"one\"}"),
             std::string());
  }

  void broken() {
    for (const char* line :
         {"", "{", "}", "{\"text\": \"a\"", "{\"text\": \"a\",}", "{\"text\": \"a\"} x", "{\"text\": \"a}",
          "{\"text\" \"a\"}", "{\"text\": \"\\x\"}", "{\"text\": \"\\ud83d\"}", "{\"text\": \"\xFF\"}",
          "{\"text\": \"a\" \"id\": \"b\"}", "{\"text\": \"a\"}{}", "{1: 2}", "{\"id\": 1x, \"text\": \"a\"}"})
      QVERIFY2(wrong_with(line) == "not JSON", line);
    QCOMPARE(wrong_with("[1]"), std::string("not a JSON object"));
    QCOMPARE(wrong_with("{\"text\": 1}"), std::string("no \"text\""));
    QCOMPARE(wrong_with("{\"text\": \"\"}"), std::string("an empty \"text\""));
    const std::string deep(1000000, '[');
    QCOMPARE(wrong_with("{\"x\": " + deep), std::string("not JSON"));
  }

  // Sound lines with a few bytes changed: what the other reader takes is read, and to the same text.
  void like_another_reader() {
    std::mt19937 random(7);
    const std::string
        sound =
            "{\"id\": \"a-1\", \"n\": [-1.5e3, 20, {\"x\": [true, false, null]}], \"text\": \"so \\u20ac\\n"
            "\xC3\xA9\"}",
        marks = "{}[]:,\"\\-.01e \tu\xC3\xA9tna";
    int taken = 0;
    for (int i = 0; i < 100000; ++i) {
      std::string line = sound;
      for (unsigned changes = random() % 3; changes > 0; --changes)
        line[random() % line.size()] = marks[random() % marks.size()];
      const auto other = nlohmann::json::parse(line, nullptr, false);
      if (other.is_discarded() || !other.contains("text") || !other["text"].is_string()) continue;
      ++taken;
      Document document;
      QVERIFY2(read_json_line(line, document).empty(), line.c_str());
      QVERIFY2(document.text == other["text"].get<std::string>(), line.c_str());
    }
    QVERIFY(taken > 30000);
  }
};

QTEST_GUILESS_MAIN(JsonLineTest)
#include "json_line_test.moc"
