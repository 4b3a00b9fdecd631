// Attention of a query or two over many keys, as when tokens are written: against the same in f64, and each segment
// alone against all together; keys and values in f32 and in 16 bits.
#include "tests/support/compare.h"

using namespace stemma;
using namespace stemma::test;
namespace ref = stemma::reference;

Q_DECLARE_METATYPE(WeightType)

class AttentionFewTest : public QObject {
  Q_OBJECT

 private:
  const std::shared_ptr<Ops> ops = make_cpu_ops();

 private slots:
  void texts_together_are_those_alone_data() {
    QTest::addColumn<int>("heads");
    QTest::addColumn<int>("shared");
    QTest::addColumn<int>("width");
    QTest::addColumn<float>("cap");
    QTest::addColumn<int>("window");
    QTest::addColumn<WeightType>("type");
    for (const WeightType type : {WeightType::f32, WeightType::bf16, WeightType::f16}) {
      const auto row = [&](const char* name) -> QTestData& {
        return QTest::addRow("%s in %s", name, format_of(type).name.data());
      };
      row("three to a group") << 9 << 3 << 64 << 0.0f << 0 << type;
      row("each its own") << 3 << 3 << 32 << 0.0f << 0 << type;
      row("an odd width") << 4 << 2 << 37 << 0.0f << 0 << type;
      row("a window over chunks") << 4 << 1 << 40 << 0.0f << 70 << type;
      row("a window of one") << 2 << 2 << 16 << 0.0f << 1 << type;
      row("a cap") << 4 << 2 << 24 << 2.0f << 0 << type;
    }
  }
  void texts_together_are_those_alone() {
    QFETCH(int, heads);
    QFETCH(int, shared);
    QFETCH(int, width);
    QFETCH(float, cap);
    QFETCH(int, window);
    QFETCH(WeightType, type);
    const Heads shape{heads, shared, width, 0, cap, window};
    Random random(3);
    struct Given {
      int32_t queries, keys;  // the last is no case of few
    };
    constexpr Given given[] = {{1, 200}, {2, 64}, {1, 65}, {1, 1}, {3, 129}, {40, 90}};
    std::vector<Segment> segments;
    int32_t row = 0, key = 0;
    for (const auto& [queries, length] : given) {
      segments.push_back({row, row + queries, key, key + length});
      row += queries;
      key += length;
    }
    const Matrix q = ref::random_matrix(row, heads * width, random, 1.5),
                 k = ref::random_matrix(key, shared * width, random, 1.5),
                 v = ref::random_matrix(key, shared * width, random);
    const Buffer asked = on_device(ops, q), z = full_of_nan(ops, row, heads * width),
                 log_sum = full_of_nan(ops, row, heads);
    const MatrixBuffer keys = on_device(ops, k, type), values = on_device(ops, v, type);
    ops->attention(asked, keys, values, segments, shape, z, log_sum);
    Matrix expected_sum;
    const Matrix met = as_met(*ops, q, type),
                 expected = ref::attention(met, from_device(*ops, keys.view()), from_device(*ops, values.view()),
                                           segments, shape, &expected_sum);
    // Where many meet bf16 each weight may be off by 2^-9 of it: so may a sum of values under weights that sum to 1, by
    // 2^-9 of the largest value, above and below the line.
    const bool rounds = type == WeightType::bf16 && ops->multiplies_bf16();
    const auto few = static_cast<int64_t>(row - given[std::size(given) - 1].queries) * heads * width;
    const std::vector<double> found = from_device(*ops, z).data;
    const auto part_of = [&](const std::vector<double>& all, bool many) {
      return std::vector<double>(many ? all.begin() + few : all.begin(), many ? all.end() : all.begin() + few);
    };
    QVERIFY(difference(part_of(found, false), part_of(expected.data, false)) < 5e-6);
    const double off = difference(part_of(found, true), part_of(expected.data, true));
    const auto largest = [](const std::vector<double>& all) {
      const auto [least, most] = std::ranges::minmax(all);
      return std::max(most, -least);
    };
    const double limit = rounds ? 0x1p-8 * largest(v.data) / largest(part_of(expected.data, true)) : 5e-6;
    QVERIFY2(off < limit, qPrintable(QString::number(off)));
    QVERIFY(!rounds || window == 1 || off > 5e-6);  // it is what bounds them
    VERIFY_CLOSE(from_device(*ops, log_sum), expected_sum, 5e-6);
    for (const Segment& s : segments) {
      const auto part = [&](Tensor all) { return all.slice(s.query_begin, s.query_end); };
      const int32_t queries = s.query_end - s.query_begin, length = s.key_end - s.key_begin;
      const Segment own[] = {{0, queries, 0, length}};
      const Buffer alone = full_of_nan(ops, queries, heads * width), alone_sum = full_of_nan(ops, queries, heads);
      ops->attention(part(asked), keys.view().slice(s.key_begin, s.key_end),
                     values.view().slice(s.key_begin, s.key_end), own, shape, alone, alone_sum);
      QCOMPARE(from_device(*ops, alone).data, from_device(*ops, part(z)).data);
      QCOMPARE(from_device(*ops, alone_sum).data, from_device(*ops, part(log_sum)).data);
    }
  }

  void one_token_more_of_each_text_data() { texts_together_are_those_alone_data(); }
  void one_token_more_of_each_text() {
    QFETCH(int, heads);
    QFETCH(int, shared);
    QFETCH(int, width);
    QFETCH(float, cap);
    QFETCH(int, window);
    QFETCH(WeightType, type);
    const Heads shape{heads, shared, width, 0, cap, window};
    Random random(4);
    const std::vector<int32_t> lengths{200, 64, 1, 129};  // with the token; behind it is room for one more
    const auto n = static_cast<int64_t>(lengths.size());
    const Matrix q = ref::random_matrix(n, heads * width, random, 1.5),
                 k = ref::random_matrix(n, shared * width, random, 1.5),
                 v = ref::random_matrix(n, shared * width, random);
    std::vector<int32_t> places;
    std::vector<MatrixBuffer> memory;
    std::vector<Ops::Text> texts;
    for (const int32_t length : lengths) {
      places.push_back(length - 1);
      for (int both = 0; both < 2; ++both)
        memory.push_back(on_device(ops, ref::random_matrix(length + 1, shared * width, random, 1.5), type));
      texts.push_back({memory[memory.size() - 2], memory.back()});
    }
    std::vector<Matrix> before;
    for (const MatrixBuffer& buffer : memory) before.push_back(from_device(*ops, buffer.view()));
    const Matrix new_keys = from_device(*ops, on_device(ops, k, type).view()),
                 new_values = from_device(*ops, on_device(ops, v, type).view()), met = as_met(*ops, q, type);
    const Buffer z = full_of_nan(ops, n, heads * width), log_sum = full_of_nan(ops, n, heads);
    ops->attention_step(on_device(ops, q), on_device(ops, k), on_device(ops, v), ids_on_device(ops, places), texts,
                        shape, z, log_sum);
    for (size_t i = 0; i < lengths.size(); ++i) {
      const auto row_of = [&](const Matrix& all) {
        return std::vector<double>(all.data.begin() + static_cast<int64_t>(i) * all.columns,
                                   all.data.begin() + static_cast<int64_t>(i + 1) * all.columns);
      };
      const auto with_token = [&](Matrix text, const Matrix& token) {
        const std::vector<double> row = row_of(token);
        std::copy(row.begin(), row.end(), text.data.begin() + places[i] * text.columns);
        return text;
      };
      const Matrix keys = with_token(before[2 * i], new_keys), values = with_token(before[2 * i + 1], new_values);
      QCOMPARE(from_device(*ops, texts[i].k).data, keys.data);  // and nothing else was written
      QCOMPARE(from_device(*ops, texts[i].v).data, values.data);
      const Segment own[] = {{0, 1, 0, lengths[i]}};
      Matrix asked(1, heads * width), expected_sum;
      asked.data = row_of(met);
      const Matrix expected = ref::attention(asked, keys, values, own, shape, &expected_sum);
      QVERIFY(difference(row_of(from_device(*ops, z)), expected.data) < 5e-6);
      QVERIFY(difference(row_of(from_device(*ops, log_sum)), expected_sum.data) < 5e-6);
    }
  }
};

QTEST_GUILESS_MAIN(AttentionFewTest)
#include "few_test.moc"
