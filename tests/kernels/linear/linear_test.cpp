// Products with weights as they are stored, against plain loops in double precision: every type, odd shapes, all ways
// that rows are multiplied, on every instruction set that this processor has.
#include <omp.h>

#include <QtTest>
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "kernels/cpu_kernels.h"
#include "kernels/half.h"
#include "tests/kernels/random_blocks.h"
#include "tests/kernels/reference.h"
#include "tests/kernels/stream_sets.h"

using namespace stemma;
namespace ref = stemma::reference;
using ref::magnitudes, ref::numbers_of, ref::random_blocks, ref::stream_sets;

namespace {

void multiply(Tensor x, WeightMatrix w, Tensor y, const cpu::Streams& set = cpu::best_streams()) {
  const Ops::Product one[] = {{w, y}};
  cpu::linear(x, one, set);
}

}  // namespace

class LinearTest : public QObject {
  Q_OBJECT

 private slots:
  void products_are_those_of_plain_loops_data() {
    QTest::addColumn<int>("type");
    for (int type = 0; type < weight_types; ++type)
      QTest::newRow(std::string(weight_formats[type].name).c_str()) << type;
  }
  void products_are_those_of_plain_loops() {
    QFETCH(int, type);
    const auto kind = static_cast<WeightType>(type);
    const int block = weight_formats[type].elements;
    Random random(static_cast<uint64_t>(type) + 1);
    double worst = 0, worst_rounded = 0, worst_whole = 0;
    // The last is so wide that x passes in parts.
    for (const int64_t width : {block == 1 ? 1 : block, block == 1 ? 77 : 3 * block, block == 1 ? 1966 : 2304})
      for (const int64_t outputs : {1, 35, 103}) {
        auto bytes = random_blocks(kind, outputs * width, random);
        const WeightMatrix w{kind, bytes.data(), outputs, width};
        const ref::Matrix numbers = numbers_of(kind, bytes, outputs, width);
        for (const int64_t rows : {1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 17, 31}) {
          const ref::Matrix x = ref::random_matrix(rows, width, random);
          std::vector<float> in(x.data.begin(), x.data.end());
          const ref::Matrix expected = ref::linear(x, numbers), sizes = ref::linear(magnitudes(x), magnitudes(numbers));
          for (const auto& [name, set] : stream_sets()) {
            std::vector<float> out(static_cast<size_t>(rows * outputs), NAN);
            multiply({in.data(), rows, width}, w, {out.data(), rows, outputs}, *set);
            // Rows are rounded to bf16, or to whole numbers of 16 bits, where the processor multiplies those.
            const bool bf16 = set->form[type] == cpu::RowForm::bf16, rounded = bf16;
            const bool whole = set->form[type] != cpu::RowForm::floats && !bf16;
            const double error = ref::largest_share(out, expected, sizes);
            double& most = rounded ? worst_rounded : whole ? worst_whole : worst;
            most = std::max(most, error);
            QVERIFY2(error < (rounded ? 0x1p-7
                              : whole ? 0x1p-14
                                      : 2e-6),
                     qPrintable(QString("%1: %2 rows, %3 x %4: off by %5 of the sum of magnitudes")
                                    .arg(name)
                                    .arg(rows)
                                    .arg(outputs)
                                    .arg(width)
                                    .arg(error)));
          }
        }
      }
    qInfo("largest error %.1e of the sum of magnitudes; of rows rounded to bf16 %.1e, to whole numbers %.1e", worst,
          worst_rounded, worst_whole);
  }

  // A sequence that is gone on with beside others gives the text that it gives alone, by however many threads.
  void a_row_is_the_same_beside_others() {
    const int threads = omp_get_max_threads();
    Random random(11);
    for (int type = 0; type < weight_types; ++type) {
      const auto kind = static_cast<WeightType>(type);
      const int64_t width = weight_formats[type].elements == 1 ? 1966 : 1536, outputs = 29;
      auto bytes = random_blocks(kind, outputs * width, random);
      const WeightMatrix w{kind, bytes.data(), outputs, width};
      const ref::Matrix x = ref::random_matrix(16, width, random);
      std::vector<float> in(x.data.begin(), x.data.end());
      for (const auto& [name, set] : stream_sets()) {
        std::vector<float> alone(static_cast<size_t>(16 * outputs)), beside(alone.size());
        for (int64_t n = 0; n < 16; ++n)
          multiply({in.data() + n * width, 1, width}, w, {alone.data() + n * outputs, 1, outputs}, *set);
        for (int64_t rows = 2; rows <= 16; ++rows) {
          omp_set_num_threads(static_cast<int>(1 + rows % 4));
          multiply({in.data(), rows, width}, w, {beside.data(), rows, outputs}, *set);
          QVERIFY2(std::memcmp(alone.data(), beside.data(), static_cast<size_t>(rows * outputs) * sizeof(float)) == 0,
                   qPrintable(QString("%1 %2: %3 rows").arg(name, format_of(kind).name.data()).arg(rows)));
        }
        omp_set_num_threads(threads);
      }
    }
  }

  void mixed_rows_are_those_of_plain_loops() {
    Random random(12);
    for (const WeightType kind : {WeightType::f32, WeightType::bf16, WeightType::f16})
      for (const int64_t width : {32, 96})
        for (const int64_t count : {1, 37}) {
          const int64_t apart = width + 32, most = 16;  // as a head's rows are
          auto bytes = random_blocks(kind, count * apart, random);
          const ref::Matrix all_of_it = numbers_of(kind, bytes, count, apart);
          ref::Matrix w(count, width);
          for (int64_t i = 0; i < count; ++i)
            for (int64_t j = 0; j < width; ++j) w(i, j) = all_of_it(i, j);
          const ref::Matrix x = ref::random_matrix(most, count, random), expected = ref::product(x, w),
                            sizes = ref::product(magnitudes(x), magnitudes(w));
          std::vector<float> in(x.data.begin(), x.data.end());
          for (const auto& [name, set] : stream_sets()) {
            std::vector<float> all;
            for (int64_t rows = most; rows > 0; --rows) {
              std::vector<float> out(static_cast<size_t>(rows * width), NAN);
              set->mix[static_cast<size_t>(kind)]({bytes.data(), row_bytes(kind, apart), count, width, in.data(), count,
                                                   rows, out.data(), width, rows % 2 ? bytes.data() : nullptr});
              if (all.empty()) all = out;
              QVERIFY2(std::memcmp(out.data(), all.data(), out.size() * sizeof(float)) == 0, name);
            }
            QVERIFY2(ref::largest_share(all, expected, sizes) < 2e-6, name);
          }
        }
  }

  void products_of_one_x_are_those_of_each() {
    Random random(13);
    const int64_t width = 512;
    constexpr std::array types = {WeightType::q4_k, WeightType::f32, WeightType::q8_0, WeightType::bf16,
                                  WeightType::f32};
    std::vector<std::vector<std::byte>> bytes;
    std::vector<WeightMatrix> matrices;
    for (const WeightType type : types) {
      const int64_t outputs = 25 + 12 * static_cast<int64_t>(bytes.size());
      bytes.push_back(random_blocks(type, outputs * width, random));
      matrices.push_back({type, bytes.back().data(), outputs, width});
    }
    for (const int64_t rows : {1, 2, 3, 9, 16, 20}) {
      const ref::Matrix x = ref::random_matrix(rows, width, random);
      std::vector<float> in(x.data.begin(), x.data.end());
      const Tensor input{in.data(), rows, width};
      std::vector<std::vector<float>> together;
      std::vector<Ops::Product> products;
      for (const WeightMatrix& w : matrices) {
        together.emplace_back(static_cast<size_t>(rows * w.rows), NAN);
        products.push_back({w, {together.back().data(), rows, w.rows}});
      }
      make_cpu_ops()->linear(input, products);
      for (size_t i = 0; i < matrices.size(); ++i) {
        std::vector<float> alone(together[i].size());
        multiply(input, matrices[i], {alone.data(), rows, matrices[i].rows});
        QCOMPARE(together[i], alone);
      }
    }
  }

  void what_is_no_number_stays_none() {
    Random random(12);
    for (int type = 0; type < weight_types; ++type) {
      const auto kind = static_cast<WeightType>(type);
      auto bytes = random_blocks(kind, 3 * 256, random);
      for (const float bad : {NAN, INFINITY})
        for (const int64_t rows : {1, 20}) {
          std::vector<float> in(static_cast<size_t>(rows * 256), 1), out(static_cast<size_t>(rows * 3));
          in[77] = bad;
          multiply({in.data(), rows, 256}, {kind, bytes.data(), 3, 256}, {out.data(), rows, 3});
          for (size_t i = 0; i < out.size(); ++i) QCOMPARE(std::isfinite(out[i]), i >= 3);  // the first row alone
        }
    }
  }

  void rows_of_a_table_are_its_numbers() {
    Random random(7);
    for (int type = 0; type < weight_types; ++type) {
      const auto kind = static_cast<WeightType>(type);
      const int64_t width = weight_formats[type].elements == 1 ? 45 : 2 * weight_formats[type].elements;
      auto bytes = random_blocks(kind, 5 * width, random);
      const ref::Matrix numbers = numbers_of(kind, bytes, 5, width);
      std::vector<int32_t> ids = {4, 0, 4};
      std::vector<float> out(static_cast<size_t>(3 * width));
      const auto ops = make_cpu_ops();
      QVERIFY(ops->takes(kind));
      ops->embed({ids.data(), 3, 1}, WeightMatrix{kind, bytes.data(), 5, width}, {out.data(), 3, width});
      for (int64_t n = 0; n < 3; ++n)
        for (int64_t c = 0; c < width; ++c) {
          const double expected = numbers(ids[static_cast<size_t>(n)], c), size = std::max(0.5, std::abs(expected));
          QVERIFY(std::abs(out[static_cast<size_t>(n * width + c)] - expected) <= 1e-6 * size);
        }
    }
  }

  void bf16_rounds_to_the_nearest() {
    QCOMPARE(bf16_of(1.0f), uint16_t{0x3F80});
    QCOMPARE(bf16_of(1.00390625f), uint16_t{0x3F80});  // half a step: to the even one
    QCOMPARE(bf16_of(1.01171875f), uint16_t{0x3F82});
    QCOMPARE(bf16_of(-1.0040f), uint16_t{0xBF81});
    QCOMPARE(bf16_of(3.4e38f), uint16_t{0x7F80});
    QVERIFY((bf16_of(NAN) & 0x7FFF) > 0x7F80);
  }
};

QTEST_GUILESS_MAIN(LinearTest)
#include "linear_test.moc"
