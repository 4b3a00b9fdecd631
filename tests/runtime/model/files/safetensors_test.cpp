#include "runtime/model/files/safetensors.h"

#include <QTemporaryDir>
#include <QtTest>
#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "runtime/error.h"
#include "runtime/model/files/checkpoint.h"
#include "tests/support/says.h"

using namespace stemma;
using namespace stemma::test;
using nlohmann::json;

namespace {

const std::filesystem::path shared_data = STEMMA_SHARED_DATA;

// A whole file: the header's length, the header, `data` bytes counting up from 0.
std::string file_of(const std::string& header, size_t data) {
  const uint64_t length = header.size();
  std::string file(reinterpret_cast<const char*>(&length), 8);
  file += header;
  for (size_t i = 0; i < data; ++i) file += static_cast<char>(i);
  return file;
}
json entry(const std::string& dtype, std::vector<uint64_t> shape, uint64_t begin, uint64_t end) {
  return {{"dtype", dtype}, {"shape", shape}, {"data_offsets", {begin, end}}};
}

std::span<const std::byte> bytes_of(const std::string& file) {
  return std::as_bytes(std::span(file.data(), file.size()));
}

std::string error_of(const std::string& file) {
  try {
    parse_safetensors(bytes_of(file), "folder/model.safetensors");
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

void write(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

std::vector<float> values_of(const std::string& dtype, const std::string& raw, size_t count) {
  const StoredTensor tensor{"x", dtype, {static_cast<int64_t>(count)}, bytes_of(raw)};
  std::vector<float> values(count);
  read_f32(tensor, 0, values, "file");
  return values;
}
template <class T>
std::string raw(std::initializer_list<T> values) {
  return std::string(reinterpret_cast<const char*>(values.begin()), values.size() * sizeof(T));
}

}  // namespace

class SafetensorsTest : public QObject {
  Q_OBJECT

 private slots:
  void reads_what_it_writes() {
    QTemporaryDir folder;
    const std::filesystem::path path = folder.filePath("model.safetensors").toStdString();
    const std::vector<float> a = {1, -2, 3.5f, 4, 5, 6}, b = {7};
    write_safetensors(path, {{"a.weight", {2, 3}, a}, {"b", {1}, b}, {"none", {0, 4}, {}}, {"scalar", {}, b}});
    const SafetensorsFile file(path);
    QCOMPARE(file.tensors().size(), size_t{4});
    for (const StoredTensor& tensor : file.tensors()) {
      std::vector<float> values(static_cast<size_t>(tensor.size()));
      read_f32(tensor, 0, values, "file");
      QCOMPARE(values, tensor.name == "a.weight" ? a : tensor.name == "none" ? std::vector<float>{} : b);
    }
    QCOMPARE(QDir(folder.path()).entryList(QDir::Files), QStringList{"model.safetensors"});
    QCOMPARE(std::filesystem::file_size(path) % 4, uintmax_t{0});
    VERIFY_SAYS(error_when([] { write_safetensors("no/such/folder/x", {}); }), "no/such/folder/x: cannot be written");
  }

  void types_become_f32() {
    QCOMPARE(values_of("F32", raw<float>({1.5f, -0.f}), 2), (std::vector<float>{1.5f, -0.f}));
    QCOMPARE(values_of("F64", raw<double>({1.5, -2.25}), 2), (std::vector<float>{1.5f, -2.25f}));
    QCOMPARE(values_of("BF16", raw<uint16_t>({0x3F80, 0xC000, 0x7F80}), 3), (std::vector<float>{1, -2, INFINITY}));
    // one, minus two, the largest, the smallest normal, the smallest and the largest subnormal, minus infinity
    QCOMPARE(values_of("F16", raw<uint16_t>({0x3C00, 0xC000, 0x7BFF, 0x0400, 0x0001, 0x83FF, 0xFC00}), 7),
             (std::vector<float>{1, -2, 65504, 0x1p-14f, 0x1p-24f, -1023 * 0x1p-24f, -INFINITY}));
    QVERIFY(std::isnan(values_of("F16", raw<uint16_t>({0x7E00}), 1)[0]));
    QVERIFY(std::signbit(values_of("F16", raw<uint16_t>({0x8000}), 1)[0]));
    VERIFY_SAYS(error_when([] { values_of("I32", raw<int32_t>({1}), 1); }), "is I32");
    VERIFY_SAYS(error_when([] {
                  float value;
                  read_f32({"x", "F32", {1}, {}}, 1, {&value, 1}, "file");
                }),
                "that far");
  }

  void broken_files_data() {
    QTest::addColumn<QByteArray>("file");
    QTest::addColumn<QString>("words");
    auto row = [](const char* words, const std::string& file) {
      QTest::newRow(words) << QByteArray::fromStdString(file) << QString(words);
    };
    auto with = [&](const char* words, const json& header, size_t data) { row(words, file_of(header.dump(), data)); };
    row("too short", "");
    row("0 bytes is too short", "");
    row("7 bytes is too short", "1234567");
    row("Git-LFS pointer, the weights are not here; fetch them with git lfs pull",
        "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n");
    row("its header claims", file_of("{}", 0).substr(0, 9));
    row("its header claims 18446744073709551615 bytes", std::string(8, '\xFF') + "{}");
    row("its header claims 2405310746866049377 bytes", "aaaaaaa! is no safetensors file");
    row("not valid JSON", file_of("{\"a\": ", 0));
    row("not valid JSON (", file_of("", 0));
    row("not a JSON object", file_of("[]", 0));
    row("names 'a' twice",
        file_of(
            R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
            1));
    with("'a' lacks its dtype", {{"a", {{"shape", {1}}}}}, 4);
    with("'b' lacks its dtype", {{"b", 7}}, 4);
    with("unknown type 'F33'", {{"a", entry("F33", {1}, 0, 4)}}, 4);
    with("cut short", {{"a", entry("F32", {2}, 0, 8)}}, 4);
    with("ends before it begins", {{"a", entry("F32", {1}, 4, 0)}}, 4);
    with("has 4 bytes where its shape and type need 8", {{"a", entry("F32", {2}, 0, 4)}}, 4);
    with("overlaps another", {{"a", entry("F32", {1}, 0, 4)}, {"b", entry("F32", {1}, 2, 6)}}, 6);
    with("overlaps", {{"a", entry("F32", {1}, 0, 4)}, {"b", entry("F32", {1}, 0, 4)}}, 4);
    with("bytes before tensor 'b'", {{"a", entry("F32", {1}, 0, 4)}, {"b", entry("F32", {1}, 8, 12)}}, 12);
    with("5 bytes at its end", {{"a", entry("F32", {1}, 0, 4)}}, 9);
    with("product overflows", {{"a", entry("F32", {1u << 31, 1u << 31, 4}, 0, 4)}}, 4);
    with("no reasonable whole number", {{"a", entry("F32", {UINT64_MAX}, 0, 4)}}, 4);
    with("no reasonable", {{"a", {{"dtype", "F32"}, {"shape", {-1}}, {"data_offsets", {0, 4}}}}}, 4);
    with("no whole numbers", {{"a", {{"dtype", "F32"}, {"shape", {1}}, {"data_offsets", {0, 4.5}}}}}, 4);
    with("17 dimensions", {{"a", entry("U8", std::vector<uint64_t>(17, 1), 0, 1)}}, 1);
  }
  void broken_files() {
    QFETCH(QByteArray, file);
    QFETCH(QString, words);
    const std::string error = error_of(file.toStdString());
    VERIFY_SAYS(error, words.toStdString());
    QVERIFY2(error.starts_with("folder/model.safetensors: ") && error.find('\n') == std::string::npos, error.c_str());
  }

  void every_cut_of_a_file_is_refused() {
    const std::string whole =
        file_of(json{{"a", entry("F32", {2}, 0, 8)}, {"__metadata__", {{"format", "pt"}}}}.dump(), 8);
    QCOMPARE(error_of(whole), std::string());
    for (size_t length = 0; length < whole.size(); ++length) QVERIFY(!error_of(whole.substr(0, length)).empty());
  }

  void reference_files() {
    if (!std::filesystem::exists(shared_data)) QSKIP("the reference data is not beside this checkout");
    const auto folder = shared_data / "06_safetensors_gguf_edge";
    for (auto [name, dtype, rank] : {std::tuple("1d-int32", "I32", 1),
                                     {"2d-float64", "F64", 2},
                                     {"3d-float32", "F32", 3},
                                     {"4d-float32", "F32", 4}}) {
      const SafetensorsFile file(folder / "swift" / ("tensor-" + std::string(name) + ".safetensors"));
      QCOMPARE(file.tensors().size(), size_t{1});
      QCOMPARE(file.tensors()[0].dtype, std::string(dtype));
      QCOMPARE(file.tensors()[0].shape.size(), static_cast<size_t>(rank));
    }
    QVERIFY(SafetensorsFile(folder / "unknown_architecture/model.safetensors").tensors().size() > 1);
    const std::string pointer = error_when([&] { SafetensorsFile{folder / "git_lfs_pointer/model.safetensors"}; });
    VERIFY_SAYS(pointer, "git_lfs_pointer/model.safetensors: is a Git-LFS pointer");
    const std::string shards = error_when([&] { Checkpoint{folder / "sharded_missing_shards"}; });
    VERIFY_SAYS(
        shards,
        "model.safetensors.index.json: lists shards that are not in the folder: model-00001-of-00005.safetensors");
    VERIFY_SAYS(error_when([&] { Checkpoint{folder / "swift"}; }), "holds neither model.safetensors nor");
    VERIFY_SAYS(error_when([&] { SafetensorsFile{folder / "absent"}; }), "absent: cannot be opened");
    VERIFY_SAYS(error_when([&] { SafetensorsFile{folder}; }), "not a file");
  }

  void shards() {
    QTemporaryDir temporary;
    const std::filesystem::path folder = temporary.path().toStdString();
    const std::vector<float> one = {1}, two = {2};
    write_safetensors(folder / "first.safetensors", {{"a", {1}, one}});
    write_safetensors(folder / "second.safetensors", {{"b", {1}, two}});
    auto index = [&](const json& map) {
      write(folder / "model.safetensors.index.json", json{{"weight_map", map}}.dump());
    };
    index({{"a", "first.safetensors"}, {"b", "second.safetensors"}});
    const Checkpoint checkpoint(folder);
    QVERIFY(checkpoint.find("b") && !checkpoint.find("c"));
    QVERIFY(checkpoint.find("b").file.ends_with("second.safetensors"));
    QCOMPARE(checkpoint.tensors().size(), size_t{2});
    QCOMPARE(checkpoint.files(), 2);

    index({{"a", "second.safetensors"}, {"b", "first.safetensors"}});
    VERIFY_SAYS(error_when([&] { Checkpoint{folder}; }),
                "places tensor 'a' in second.safetensors, which does not hold it; fetch both again");
    index({{"a", "first.safetensors"}, {"b", "second.safetensors"}, {"c", "second.safetensors"}});
    VERIFY_SAYS(error_when([&] { Checkpoint{folder}; }), "places tensor 'c' in second.safetensors");

    index({{"a", "first.safetensors"}, {"b", "third.safetensors"}});
    VERIFY_SAYS(error_when([&] { Checkpoint{folder}; }), "third.safetensors");
    for (const char* name : {"../first.safetensors", "/etc/passwd", "", ".."}) {
      index({{"a", name}});
      VERIFY_SAYS(error_when([&] { Checkpoint{folder}; }), "no file name in this folder");
    }
    index(json::object());
    VERIFY_SAYS(error_when([&] { Checkpoint{folder}; }), "names no shard");
    write_safetensors(folder / "second.safetensors", {{"a", {1}, two}});
    index({{"a", "first.safetensors"}, {"b", "second.safetensors"}});
    VERIFY_SAYS(error_when([&] { Checkpoint{folder}; }), "in another shard too");
  }
};

QTEST_GUILESS_MAIN(SafetensorsTest)
#include "safetensors_test.moc"
