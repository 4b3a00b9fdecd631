// Strict JSON, held against nlohmann's reader.
#include "runtime/corpus/json_reader.h"

#include <QtTest>
#include <nlohmann/json.hpp>
#include <random>

using namespace stemma;

namespace {

bool is_json(const std::string& text) {
  JsonReader json(text);
  return json.any() && json.ended();
}

QByteArray bytes_of(const std::string& text) { return QByteArray::fromStdString(text); }

}  // namespace

class JsonReaderTest : public QObject {
  Q_OBJECT
 private slots:
  void sound_and_broken_data() {
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<bool>("sound");
    const auto row = [](const char* text, bool sound) { QTest::newRow(text) << QByteArray(text) << sound; };
    for (const char* text : {"{}", "[]", " [ ] ", "null", "true", "false", "0", "-0", "12.5e-3", "1E+2", "\"\"", "[[],{}]",
                             "{\"a\":[1,{\"b\":null}],\"c\":\"d\"}", "\"\\u00e9\\uD83D\\uDE00\\n\\/\"", "\"na\xC3\xAFve\""})
      row(text, true);
    for (const char* text : {"", " ", "{", "[", "]", "[1,]", "[,1]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{1:2}", "[1 2]",
                             "[}", "{]", "nul", "truee", "01", "1.", ".5", "+1", "-", "1e", "1e+", "\"", "\"\\", "\"\\\"",
                             "\"\\x\"", "\"\\u12\"", "\"\\u12G4\"", "\"\\uD83D\"", "\"\\uD83D\\u0041\"", "\"\\uDE00\"",
                             "\"a\tb\"", "\"\xFF\"", "\"\xC3\"", "\"\xED\xA0\x80\"", "{} {}", "[1]x"})
      row(text, false);
  }
  void sound_and_broken() {
    QFETCH(QByteArray, text);
    QFETCH(bool, sound);
    QCOMPARE(is_json(text.toStdString()), sound);
    QCOMPARE(nlohmann::json::accept(text.toStdString()), sound);
  }

  // Every byte at every place of a word of eight, and around it.
  void bytes_of_strings() {
    for (int byte = 1; byte < 256; ++byte)
      for (size_t place = 0; place < 18; ++place) {
        std::string text = "\"" + std::string(18, 'a') + "\"";
        text[1 + place] = static_cast<char>(byte);
        QVERIFY2(is_json(text) == nlohmann::json::accept(text), bytes_of(text));
      }
  }

  void values_of_strings() {
    for (const std::string text :
         {"\"plain\"", "\"a\\\"b\\\\c\\/d\\b\\f\\n\\r\\te\"", "\"\\u0041\\u00e9\\u20AC\\ud83d\\ude00 behind it\"",
          "\"eight bytes, and \xE2\x82\xAC, and eight more\\n\"", "\"\\u0000\""}) {
      std::string value = "kept ";
      JsonReader json(text);
      QVERIFY(json.string(&value) && json.ended());
      QCOMPARE(value, "kept " + nlohmann::json::parse(text).get<std::string>());
    }
  }

  // Sound lines with a few bytes changed, and lines of nothing but marks.
  void like_another_reader() {
    std::mt19937 random(7);
    const std::string line =
                          "{\"id\": \"a-1\", \"n\": [-1.5e3, 20, {\"x\": [true, false, null]}], \"text\": \"so \\u20ac\\n\xC3\xA9\"}",
                      marks = "{}[]:,\"\\-.01e \tu\xC3\xA9tna";
    int sound = 0;
    for (int i = 0; i < 200000; ++i) {
      std::string text = i % 2 ? line : std::string(1 + random() % 6, ' ');
      for (unsigned changes = i % 2 ? random() % 3 : 6; changes > 0; --changes)
        text[random() % text.size()] = marks[random() % marks.size()];
      const bool accepted = nlohmann::json::accept(text);
      sound += accepted;
      QVERIFY2(is_json(text) == accepted, bytes_of(text));
    }
    QVERIFY(sound > 10000);
  }

  void nests_as_deep_as_the_text() {
    const std::string deep(1000000, '[');
    QVERIFY(!is_json(deep));
    QVERIFY(is_json(deep + std::string(deep.size(), ']')));
  }
};

QTEST_GUILESS_MAIN(JsonReaderTest)
#include "json_reader_test.moc"
