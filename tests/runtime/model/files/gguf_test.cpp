#include "runtime/model/files/gguf.h"

#include <QtTest>
#include <algorithm>
#include <functional>

#include "runtime/error.h"
#include "tests/support/gguf_bytes.h"
#include "tests/support/says.h"

using namespace stemma;
using namespace stemma::test;

namespace {

const std::filesystem::path shared_data = STEMMA_SHARED_DATA;

Gguf parse(const std::string& file) {
  return Gguf(std::as_bytes(std::span(file.data(), file.size())), "folder/model.gguf");
}

std::string error_of(const std::string& file) {
  return error_when([&] { parse(file); });
}

// One of everything.
GgufBytes everything() {
  GgufBytes gguf;
  gguf.text("general.architecture", "llama");
  gguf.add("u8", 0, raw<uint8_t>(200));
  gguf.add("i8", 1, raw<int8_t>(-100));
  gguf.add("u16", 2, raw<uint16_t>(60000));
  gguf.add("i16", 3, raw<int16_t>(-30000));
  gguf.u32("u32", 4000000000u);
  gguf.add("i32", 5, raw<int32_t>(-2000000000));
  gguf.f32("f32", 1.5f);
  gguf.add("yes", 7, raw<uint8_t>(1));
  gguf.add("u64", 10, raw<uint64_t>(1ull << 40));
  gguf.add("i64", 11, raw<int64_t>(-(1ll << 40)));
  gguf.add("f64", 12, raw<double>(-2.25));
  gguf.array("texts", 8, 3, counted("one") + counted("") + counted("dr\xFFi"));
  gguf.array("i8s", 1, 2, raw<int8_t>(-1) + raw<int8_t>(2));
  gguf.array("floats", 6, 2, raw<float>(0.5f) + raw<float>(-1));
  gguf.array("flags", 7, 2, raw<uint8_t>(1) + raw<uint8_t>(0));
  gguf.array("none", 4, 0, "");
  gguf.tensor("token_embd.weight", {3, 2}, 0, raw(1.f) + raw(2.f) + raw(3.f) + raw(4.f) + raw(5.f) + raw(6.f));
  gguf.tensor("q", {32}, 8, std::string(34, '\1'));
  gguf.tensor("strange", {32, 2}, 20, std::string(36, '\2'));
  return gguf;
}

}  // namespace

class GgufTest : public QObject {
  Q_OBJECT

 private slots:
  void metadata() {
    for (const uint32_t version : {2u, 3u}) {
      GgufBytes made = everything();
      made.version = version;
      const std::string file = made.bytes();
      const Gguf gguf = parse(file);
      QCOMPARE(gguf.metadata().size(), size_t{17});
      QVERIFY(gguf.text("general.architecture") == "llama" && !gguf.text("absent") && !gguf.has("absent"));
      QCOMPARE(*gguf.integer("u8"), int64_t{200});
      QCOMPARE(*gguf.integer("i8"), int64_t{-100});
      QCOMPARE(*gguf.integer("u16"), int64_t{60000});
      QCOMPARE(*gguf.integer("i16"), int64_t{-30000});
      QCOMPARE(*gguf.integer("u32"), int64_t{4000000000});
      QCOMPARE(*gguf.integer("i32"), int64_t{-2000000000});
      QCOMPARE(*gguf.integer("u64"), int64_t{1} << 40);
      QCOMPARE(*gguf.integer("i64"), -(int64_t{1} << 40));
      QCOMPARE(*gguf.number("f32"), 1.5);
      QCOMPARE(*gguf.number("f64"), -2.25);
      QCOMPARE(*gguf.number("i8"), -100.0);
      QCOMPARE(*gguf.flag("yes"), true);
      QCOMPARE(gguf.texts("texts"), (std::vector<std::string_view>{"one", "", "dr\xFFi"}));
      QCOMPARE(gguf.integers("i8s"), (std::vector<int64_t>{-1, 2}));
      QCOMPARE(gguf.numbers("floats"), (std::vector<double>{0.5, -1}));
      QCOMPARE(gguf.flags("flags"), (std::vector<bool>{true, false}));
      QVERIFY(gguf.integers("none").empty() && gguf.integers("absent").empty());
      const auto texts = gguf.texts("texts");
      QVERIFY(texts[0].data() > file.data() && texts[0].data() < file.data() + file.size());  // a view, no copy

      VERIFY_SAYS(error_when([&] { gguf.integer("f32"); }), "folder/model.gguf: key 'f32' is not a whole number");
      VERIFY_SAYS(error_when([&] { gguf.text("u8"); }), "is not a text");
      VERIFY_SAYS(error_when([&] { gguf.flag("u8"); }), "is not true or false");
      VERIFY_SAYS(error_when([&] { gguf.number("yes"); }), "is not a number");
      VERIFY_SAYS(error_when([&] { gguf.text("texts"); }), "is not one value");
      VERIFY_SAYS(error_when([&] { gguf.texts("u8"); }), "is not an array");
      VERIFY_SAYS(error_when([&] { gguf.texts("i8s"); }), "is not an array of texts");
      VERIFY_SAYS(error_when([&] { gguf.integers("floats"); }), "is not an array of whole numbers");
    }
  }

  void tensors() {
    const std::string file = everything().bytes();
    const Gguf gguf = parse(file);
    QCOMPARE(gguf.tensors().size(), size_t{3});
    const StoredTensor& embedding = gguf.tensors()[0];
    QCOMPARE(embedding.name, std::string("token_embd.weight"));
    QCOMPARE(embedding.dtype, std::string("F32"));
    QCOMPARE(embedding.shape, (std::vector<int64_t>{2, 3}));
    std::vector<float> row(3);
    read_f32(embedding, 3, row, "file");
    QCOMPARE(row, (std::vector<float>{4, 5, 6}));
    QCOMPARE(gguf.tensors()[1].bytes.size(), size_t{34});
    VERIFY_SAYS(error_when([&] { read_f32(gguf.tensors()[2], 0, row, "file"); }), "'strange' is IQ4_NL");
  }

  // Types that are known, by their numbers in ggml and their sizes for 256 weights, and not read.
  void types_that_are_not_read() {
    struct Type {
      uint32_t number;
      const char* name;
      size_t bytes;
    };
    constexpr Type types[] = {{9, "Q8_1", 320},    {15, "Q8_K", 292},   {16, "IQ2_XXS", 66}, {17, "IQ2_XS", 74},
                              {18, "IQ3_XXS", 98}, {19, "IQ1_S", 50},   {20, "IQ4_NL", 144}, {21, "IQ3_S", 110},
                              {22, "IQ2_S", 82},   {23, "IQ4_XS", 136}, {29, "IQ1_M", 56},   {34, "TQ1_0", 54},
                              {35, "TQ2_0", 66},   {39, "MXFP4", 136},  {40, "NVFP4", 144},  {24, "I8", 256},
                              {26, "I32", 1024}};
    for (const auto& [number, name, bytes] : types) {
      GgufBytes made;
      made.tensor("w", {256}, number, std::string(bytes, '\2'));
      const std::string file = made.bytes();
      const Gguf gguf = parse(file);
      std::vector<float> row(256);
      VERIFY_SAYS(error_when([&] { read_f32(gguf.tensors()[0], 0, row, "file"); }),
                  std::string("tensor 'w' is ") + name + ", which is not read as weights");
    }
  }

  void alignment() {
    GgufBytes made;
    made.alignment = 64;
    made.u32("general.alignment", 64);
    made.tensor("a", {1}, 0, raw(1.f));
    made.tensor("b", {1}, 0, raw(2.f));
    const std::string file = made.bytes();
    const Gguf gguf = parse(file);
    float value = 0;
    read_f32(gguf.tensors()[1], 0, {&value, 1}, "file");
    QCOMPARE(value, 2.f);
  }

  void broken_files_data() {
    QTest::addColumn<QByteArray>("file");
    QTest::addColumn<QString>("words");
    auto row = [](const char* words, const std::string& file) {
      QTest::newRow(words) << QByteArray::fromStdString(file) << QString(words);
    };
    auto made = [&](const char* words, const std::function<void(GgufBytes&)>& change) {
      GgufBytes gguf = everything();
      change(gguf);
      row(words, gguf.bytes());
    };
    row("does not begin with GGUF", "");
    row("does not begin with GGUF; is it", "GGML and what follows");
    row("Git-LFS pointer, the weights are not here", "version https://git-lfs.github.com/spec/v1\noid sha256:00\n");
    made("is GGUF of version 1; convert the model again", [](auto& g) { g.version = 1; });
    made("is GGUF of version 4", [](auto& g) { g.version = 4; });
    made("is a big-endian GGUF", [](auto& g) { g.version = 3u << 24; });
    made("claims 18446744073709551615 keys", [](auto& g) { g.key_count = UINT64_MAX; });
    made("keys and 1000000000 tensors", [](auto& g) { g.tensor_count = 1'000'000'000; });
    made("key 'u8' is given twice", [](auto& g) { g.u32("u8", 1); });
    made("tensor 'q' is given twice", [](auto& g) { g.tensor("q", {1}, 0, raw(1.f)); });
    made("key 'odd' has the unknown type 13", [](auto& g) { g.add("odd", 13, ""); });
    made("key 'nest' is an array of arrays", [](auto& g) { g.array("nest", 9, 1, raw(4u) + raw<uint64_t>(0)); });
    made("key 'long' claims 4611686018427387904 elements", [](auto& g) { g.array("long", 4, 1ull << 62, ""); });
    made("key 'many' claims 1000000 elements", [](auto& g) { g.array("many", 8, 1'000'000, ""); });
    made("a text reaches 18446744073709", [](auto& g) { g.add("end", 8, raw<uint64_t>(UINT64_MAX)); });
    made("key 'bool' is neither true nor false", [](auto& g) { g.add("bool", 7, "\2"); });
    made("alignment of 48 is no power of two", [](auto& g) { g.u32("general.alignment", 48); });
    made("alignment of 0 is", [](auto& g) { g.u32("general.alignment", 0); });
    made("a tensor has no name", [](auto& g) { g.entry("", {1}, 0, 0); });
    made("tensor 't' has 0 dimensions", [](auto& g) { g.entry("t", {}, 0, 0); });
    made("tensor 't' has 5 dimensions", [](auto& g) { g.entry("t", {1, 1, 1, 1, 1}, 0, 0); });
    made("tensor 't' has a shape whose product", [](auto& g) { g.entry("t", {1ull << 40, 1ull << 40}, 0, 0); });
    made("whose product overflows", [](auto& g) { g.entry("t", {UINT64_MAX}, 0, 0); });
    made("tensor 't' has the unknown type 4", [](auto& g) { g.entry("t", {32}, 4, 0); });
    made("has rows of 48 elements, which Q4_K cannot divide", [](auto& g) { g.entry("t", {48, 2}, 12, 0); });
    made("tensor 't' begins at 4, no multiple of 32", [](auto& g) { g.entry("t", {1}, 0, 4); });
    made("tensor 't' needs 40000 bytes from 0", [](auto& g) { g.entry("t", {10000}, 0, 0); });
    made("tensor 't' needs 4 bytes from 18446744073709551584", [](auto& g) { g.entry("t", {1}, 0, UINT64_MAX - 31); });
    made("overlaps another", [](auto& g) { g.entry("t", {1}, 0, 0); });
  }
  void broken_files() {
    QFETCH(QByteArray, file);
    QFETCH(QString, words);
    const std::string error = error_of(file.toStdString());
    VERIFY_SAYS(error, words.toStdString());
    QVERIFY2(error.starts_with("folder/model.gguf: ") && error.find('\n') == std::string::npos, error.c_str());
  }

  void every_cut_of_a_file_is_refused() {
    const std::string whole = everything().bytes();
    QCOMPARE(error_of(whole), std::string());
    for (size_t length = 0; length < whole.size(); ++length) QVERIFY(!error_of(whole.substr(0, length)).empty());
  }

  void reference_vocabularies() {
    if (!std::filesystem::exists(shared_data)) QSKIP("the reference data is not beside this checkout");
    int read = 0, found = 0;
    for (const auto& entry : std::filesystem::directory_iterator(shared_data / "01_llamacpp_vocab")) {
      if (entry.path().extension() != ".gguf") continue;
      ++found;
      const GgufFile gguf(entry.path());
      const auto tokens = gguf.texts("tokenizer.ggml.tokens");
      QVERIFY2(gguf.text("general.architecture") && gguf.tensors().empty() && tokens.size() > 1000,
               entry.path().c_str());
      QVERIFY2(std::none_of(tokens.begin(), tokens.end(), [](auto token) { return token.size() > 10000; }),
               entry.path().c_str());
      QCOMPARE(gguf.integers("tokenizer.ggml.token_type").size(), tokens.size());
      ++read;
    }
    qInfo("%d of %d reference vocabularies read", read, found);
    QCOMPARE(found, 12);
  }
};

QTEST_GUILESS_MAIN(GgufTest)
#include "gguf_test.moc"
