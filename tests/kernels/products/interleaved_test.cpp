// Matrices whose rows are interleaved, against the same bytes with rows apart.
#include "kernels/products/interleaved.h"

#include <QtTest>
#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/cpu_kernels.h"
#include "tests/kernels/random_blocks.h"
#include "tests/kernels/reference.h"
#include "tests/kernels/stream_sets.h"

using namespace stemma;
namespace ref = stemma::reference;

namespace {

// Zeros, until rows are written.
struct Interleaved {
  Interleaved(WeightType type, int64_t rows, int64_t columns) : matrix{type, nullptr, rows, columns, true} {
    bytes.resize(static_cast<size_t>(matrix.stored_bytes()));
    matrix.data = bytes.data();
  }
  std::vector<std::byte> bytes;
  WeightMatrix matrix;
};

bool interleaves(const cpu::Streams& streams, int type) {
  return streams.multiply_interleaved && streams.multiply_interleaved[type];
}

std::vector<float> floats(const ref::Matrix& x) { return {x.data.begin(), x.data.end()}; }

}  // namespace

class InterleavedTest : public QObject {
  Q_OBJECT

 private slots:
  void types_data() {
    QTest::addColumn<int>("type");
    for (int type = 0; type < weight_types; ++type)
      if (weight_formats[type].elements > 1) QTest::newRow(weight_formats[type].name.data()) << type;
  }

  // However they are cut when they are written and read.
  void rows_come_back_data() { types_data(); }
  void rows_come_back() {
    QFETCH(int, type);
    const auto kind = static_cast<WeightType>(type);
    const int64_t rows = 90, columns = 5 * format_of(kind).elements, bytes = row_bytes(kind, columns);
    Random random(static_cast<uint64_t>(type) + 1);
    auto apart = ref::random_blocks(kind, rows * columns, random);
    const WeightMatrix file{kind, apart.data(), rows, columns};
    const Interleaved together(kind, rows, columns);
    const auto part = [&](std::vector<std::byte>& all, int64_t begin, int64_t end) {
      return std::span(all).subspan(static_cast<size_t>(begin * bytes), static_cast<size_t>((end - begin) * bytes));
    };
    const int64_t written[] = {0, 5, 6, 80, 90}, read[] = {0, 31, 33, 90};
    for (size_t i = 0; i + 1 < std::size(written); ++i)
      cpu::interleave(part(apart, written[i], written[i + 1]), together.matrix, written[i], cpu::best_streams());
    QVERIFY(together.bytes != apart);
    std::vector<std::byte> back(apart.size());
    for (size_t i = 0; i + 1 < std::size(read); ++i)
      cpu::separate(together.matrix, read[i], part(back, read[i], read[i + 1]), cpu::best_streams());
    QVERIFY(back == apart);
    std::vector<float> expected(static_cast<size_t>(columns)), row(expected.size());
    for (int64_t i = 0; i < rows; ++i) {
      cpu::unpack_row(file, i, expected.data(), cpu::best_streams());
      cpu::unpack_row(together.matrix, i, row.data(), cpu::best_streams());
      QCOMPARE(row, expected);
    }
  }

  // And a row of y has the same bits beside any number of others.
  void products_are_those_of_plain_loops_data() { types_data(); }
  void products_are_those_of_plain_loops() {
    QFETCH(int, type);
    const auto kind = static_cast<WeightType>(type);
    if (!interleaves(cpu::best_streams(), type)) QSKIP("this processor multiplies no interleaved rows");
    Random random(static_cast<uint64_t>(type) + 1);
    double worst = 0;
    const int64_t block = format_of(kind).elements;
    for (const int64_t width : {block, 3 * block, int64_t{2304}})  // the last is so wide that it passes in parts
      for (const int64_t outputs : {7, 32, 135}) {                 // the last are more groups than pass side by side
        auto apart = ref::random_blocks(kind, outputs * width, random);
        const Interleaved together(kind, outputs, width);
        const ref::Matrix x = ref::random_matrix(31, width, random),
                          numbers = ref::numbers_of(kind, apart, outputs, width);
        std::vector<float> in = floats(x), all(static_cast<size_t>(31 * outputs));
        const ref::Matrix expected = ref::linear(x, numbers),
                          sizes = ref::linear(ref::magnitudes(x), ref::magnitudes(numbers));
        for (const auto& [name, streams] : ref::stream_sets()) {
          if (!interleaves(*streams, type)) continue;
          cpu::interleave(apart, together.matrix, 0, *streams);
          const auto multiply = [&](int64_t rows, std::vector<float>& out) {
            out.assign(static_cast<size_t>(rows * outputs), NAN);
            const Ops::Product one[] = {{together.matrix, {out.data(), rows, outputs}}};
            cpu::linear({in.data(), rows, width}, one, *streams);
          };
          multiply(31, all);
          worst = std::max(worst, ref::largest_share(all, expected, sizes));
          QVERIFY2(worst < 0x1p-14, qPrintable(QString("%1: %2").arg(name).arg(worst)));  // x is rounded to 16 bits
          for (int64_t rows = 1; rows < 31; ++rows) {
            std::vector<float> some;
            multiply(rows, some);
            QVERIFY2(std::memcmp(some.data(), all.data(), some.size() * sizeof(float)) == 0,
                     qPrintable(QString("%1: %2 rows").arg(name).arg(rows)));
          }
        }
      }
    qInfo("largest error %.1e of the sum of magnitudes", worst);
  }

  void a_device_reads_what_it_was_given() {
    const auto ops = make_cpu_ops();
    const WeightType kind = WeightType::q8_0;
    if (!ops->interleaves(kind)) QSKIP("this processor multiplies no interleaved rows");
    QVERIFY(!ops->interleaves(WeightType::f32));
    const int64_t rows = 65, width = 96;
    Random random(5);
    auto apart = ref::random_blocks(kind, rows * width, random);
    const WeightMatrix file{kind, apart.data(), rows, width};
    const Interleaved together(kind, rows, width);
    ops->write_rows(apart, together.matrix, 0);
    std::vector<std::byte> back(apart.size());
    ops->read_rows(together.matrix, 0, back);
    QVERIFY(back == apart);
    std::vector<int32_t> ids = {63, 0, 17};
    std::vector<float> g = floats(ref::random_matrix(3, rows, random)), found(3 * width), expected(found.size());
    for (const auto& [w, out] : {std::pair(file, &expected), {together.matrix, &found}})
      ops->embed({ids.data(), 3, 1}, w, {out->data(), 3, width});
    QCOMPARE(found, expected);
    for (const auto& [w, out] : {std::pair(file, &expected), {together.matrix, &found}})
      ops->linear_backward({g.data(), 3, rows}, w, {out->data(), 3, width});
    QCOMPARE(found, expected);
  }

  void what_is_no_number_stays_none() {
    for (int type = 0; type < weight_types; ++type) {
      if (!interleaves(cpu::best_streams(), type)) continue;
      Random random(12);
      const auto kind = static_cast<WeightType>(type);
      const int64_t width = 2 * format_of(kind).elements;
      const auto apart = ref::random_blocks(kind, 32 * width, random);
      const Interleaved together(kind, 32, width);
      cpu::interleave(apart, together.matrix, 0, cpu::best_streams());
      for (const float bad : {NAN, INFINITY})
        for (const int64_t rows : {1, 20}) {
          std::vector<float> in(static_cast<size_t>(rows * width), 1), out(static_cast<size_t>(rows * 32));
          in[33] = bad;
          const Ops::Product one[] = {{together.matrix, {out.data(), rows, 32}}};
          cpu::linear({in.data(), rows, width}, one);
          for (size_t i = 0; i < out.size(); ++i) QCOMPARE(std::isfinite(out[i]), i >= 32);  // the first row alone
        }
    }
  }
};

QTEST_GUILESS_MAIN(InterleavedTest)
#include "interleaved_test.moc"
