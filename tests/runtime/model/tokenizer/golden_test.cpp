// Tiny tokenizers of every kind against what `tokenizers` and `sentencepiece` make of hostile texts (tests/golden).
#include <QtTest>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>

#include "runtime/error.h"
#include "runtime/model/files/json_file.h"
#include "runtime/model/tokenizer.h"
#include "tests/support/json.h"

using namespace stemma;
using nlohmann::json;

namespace {

const std::filesystem::path golden = STEMMA_SOURCE_DIR "/tests/golden/tokenizers";

}  // namespace

class GoldenTest : public QObject {
  Q_OBJECT

 private slots:
  void agrees_data() {
    QTest::addColumn<QString>("file");
    int files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(golden))
      if (entry.path().extension() == ".json") {
        QTest::newRow(entry.path().stem().c_str()) << QString::fromStdString(entry.path().string());
        ++files;
      }
    QVERIFY(files > 40);
  }
  void agrees() {
    QFETCH(QString, file);
    const std::filesystem::path path = file.toStdString();
    const json document = test::json_in(path);
    const bool pieces = path.stem().extension() == ".cases";
    const std::string model = document.value("model", path.stem().stem().string() + ".model");
    const Tokenizer tokenizer(pieces ? read_text(path.parent_path() / model, 1'000'000) : document["tokenizer"].dump(),
                              document.contains("config") ? document["config"].dump() : "",
                              pieces ? model : path.string());
    int agree = 0;
    for (const json& entry : document["cases"]) {
      const std::string text = entry["text"];
      std::vector<uint32_t> offsets;
      const auto ids = tokenizer.encode(text, &offsets);
      QVERIFY2(json(ids) == entry["ids"], (text + "\n" + json(ids).dump() + "\n" + entry["ids"].dump()).c_str());
      if (entry.contains("full")) QVERIFY(json(tokenizer.with_special(ids)) == entry["full"]);
      QVERIFY(offsets.size() == ids.size() + 1 && offsets.back() == text.size());
      QVERIFY(std::is_sorted(offsets.begin(), offsets.end()));
      const std::string decoded = entry.value("decoded", "\uFFFD");
      if (decoded.find("\uFFFD") == std::string::npos)  // there, bytes that are not UTF-8 are lost; here they stay
        QCOMPARE(QString::fromStdString(tokenizer.decode(ids)), QString::fromStdString(decoded));
      ++agree;
    }
    QVERIFY(agree > 60);
  }

  void refuses_a_broken_tekken() {
    const json whole = test::json_in(golden / "tekken_named.json")["tokenizer"];
    const auto refused = [](const json& document) {
      try {
        Tokenizer(document.dump(), "", "tekken.json");
        return false;
      } catch (const Error& error) {
        return std::string(error.what()).starts_with("tekken.json: ");
      }
    };
    QVERIFY(!refused(whole));
    const std::pair<const char*, json> changes[] = {{"/config/default_vocab_size", 100000},
                                                    {"/config/default_vocab_size", -1},
                                                    {"/config/default_num_special_tokens", 2},
                                                    {"/config/pattern", "("},
                                                    {"/vocab/300/token_bytes", "?"},
                                                    {"/vocab/300/rank", 7},
                                                    {"/vocab/300/token_bytes", "YQ=="},
                                                    {"/vocab/65/token_bytes", "Qg=="},
                                                    {"/special_tokens", "none"},
                                                    {"/special_tokens/1/token_str", ""},
                                                    {"/special_tokens/1/rank", 3}};
    for (const auto& [place, value] : changes) {
      json broken = whole;
      broken[json::json_pointer(place)] = value;
      QVERIFY2(refused(broken), place);
    }
  }
};

QTEST_GUILESS_MAIN(GoldenTest)
#include "golden_test.moc"
