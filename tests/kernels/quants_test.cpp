// Blocks that ggml itself quantised, decoded: near the floats that they were made from.
#include "kernels/quants.h"

#include <QtTest>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

using namespace stemma;

namespace {

const std::filesystem::path vectors = std::filesystem::path(STEMMA_SHARED_DATA) / "06_safetensors_gguf_edge/ggml_quants";

std::vector<std::byte> read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  const auto* begin = reinterpret_cast<const std::byte*>(bytes.data());
  return {begin, begin + bytes.size()};
}

std::vector<float> decoded(const BlockFormat& format, const std::vector<std::byte>& bytes) {
  std::vector<float> out(bytes.size() / static_cast<size_t>(format.bytes) * static_cast<size_t>(format.elements));
  for (size_t block = 0; block < bytes.size() / static_cast<size_t>(format.bytes); ++block)
    format.decode(bytes.data() + block * static_cast<size_t>(format.bytes),
                  out.data() + block * static_cast<size_t>(format.elements));
  return out;
}

}  // namespace

class QuantsTest : public QObject {
  Q_OBJECT

 private slots:
  void near_what_ggml_quantised_data() {
    QTest::addColumn<QString>("name");
    QTest::addColumn<QString>("file");
    QTest::addColumn<double>("expected_rms");  // of uniform numbers in [-1, 1]
    // A step of the format over sqrt(12), or what was measured with ggml's own decoder.
    QTest::newRow("Q8_0") << "Q8_0" << "q8_0_64" << 0.0025;
    QTest::newRow("Q6_K") << "Q6_K" << "q6_k_512" << 0.010;
    QTest::newRow("Q5_1") << "Q5_1" << "q5_1_64" << 0.020;
    QTest::newRow("Q5_0") << "Q5_0" << "q5_0_64" << 0.022;
    QTest::newRow("Q5_K") << "Q5_K" << "q5_k_512" << 0.020;
    QTest::newRow("Q4_1") << "Q4_1" << "q4_1_64" << 0.040;
    QTest::newRow("Q4_0") << "Q4_0" << "q4_0_64" << 0.045;
    QTest::newRow("Q4_K") << "Q4_K" << "q4_k_512" << 0.036;
    QTest::newRow("Q3_K") << "Q3_K" << "q3_k_512" << 0.090;
    QTest::newRow("Q2_K") << "Q2_K" << "q2_k_512" << 0.190;
  }
  void near_what_ggml_quantised() {
    if (!std::filesystem::exists(vectors)) QSKIP("the reference data is not beside this checkout");
    QFETCH(QString, name);
    QFETCH(QString, file);
    QFETCH(double, expected_rms);
    const BlockFormat* format = find_block_format(name.toStdString());
    QVERIFY(format);
    const auto input = read(vectors / (file.toStdString() + "_noim_input.bin"));
    std::vector<float> original(input.size() / 4);
    std::memcpy(original.data(), input.data(), input.size());
    const std::vector<float> values = decoded(*format, read(vectors / (file.toStdString() + "_noim_expected.bin")));
    QCOMPARE(values.size(), original.size());
    double squares = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      const auto difference = static_cast<double>(values[i]) - static_cast<double>(original[i]);
      squares += difference * difference;
    }
    const double rms = std::sqrt(squares / static_cast<double>(values.size()));
    qInfo("%s: %zu weights, root mean square difference %.4f", qPrintable(name), values.size(), rms);
    // Nearer than the format allows would be the wrong file.
    QVERIFY2(rms < expected_rms && rms > expected_rms / 4, qPrintable(QString::number(rms)));
  }

  // Each number within half a step of the largest's 127th, and that scale a half.
  void encoded_and_decoded() {
    float numbers[32], found[32];
    std::byte block[34];
    for (const float size : {1.0f, 3e-3f, 0.0f}) {
      for (int i = 0; i < 32; ++i) numbers[i] = size * std::sin(1.7f * static_cast<float>(i)) * (i == 5 ? -1.4f : 1.0f);
      encode_q8_0(numbers, block);
      find_block_format("Q8_0")->decode(block, found);
      float largest = 0;
      for (const float x : numbers) largest = std::max(largest, std::abs(x));
      for (int i = 0; i < 32; ++i) QVERIFY(std::abs(found[i] - numbers[i]) <= largest * (0.5f / 127 + 2e-3f));
    }
  }

  void other_formats_are_not_decoded() {
    for (const char* name : {"IQ4_NL", "Q8_K", "MXFP4", "F16", "q8_0", ""}) QVERIFY2(!find_block_format(name), name);
  }
};

QTEST_GUILESS_MAIN(QuantsTest)
#include "quants_test.moc"
