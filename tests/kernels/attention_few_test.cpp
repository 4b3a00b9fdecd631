// Attention of a query or two over many keys, as when tokens are written: against the same in f64, and each text alone
// against texts together.
#include <cstring>

#include "tests/support/compare.h"

using namespace stemma;
using namespace stemma::test;
namespace ref = stemma::reference;

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
    QTest::newRow("three to a group") << 9 << 3 << 64 << 0.0f << 0;
    QTest::newRow("each its own") << 3 << 3 << 32 << 0.0f << 0;
    QTest::newRow("an odd width") << 4 << 2 << 37 << 0.0f << 0;
    QTest::newRow("a window over chunks") << 4 << 1 << 40 << 0.0f << 70;
    QTest::newRow("a window of one") << 2 << 2 << 16 << 0.0f << 1;
    QTest::newRow("a cap") << 4 << 2 << 24 << 2.0f << 0;
  }
  void texts_together_are_those_alone() {
    QFETCH(int, heads);
    QFETCH(int, shared);
    QFETCH(int, width);
    QFETCH(float, cap);
    QFETCH(int, window);
    const Heads shape{heads, shared, width, 0, cap, window};
    Random random(3);
    struct Given {
      int32_t queries, keys;  // the last is no case of few
    };
    constexpr Given given[] = {{1, 200}, {2, 64}, {1, 65}, {1, 1}, {3, 129}, {40, 90}};
    std::vector<Segment> segments;
    std::vector<Buffer> keys, values;
    std::vector<Matrix> k, v;
    int32_t row = 0;
    for (const auto& [queries, length] : given) {
      segments.push_back({row, row + queries, 0, length});
      row += queries;
      k.push_back(ref::random_matrix(length, shared * width, random, 1.5));
      v.push_back(ref::random_matrix(length, shared * width, random));
      keys.push_back(on_device(ops, k.back()));
      values.push_back(on_device(ops, v.back()));
    }
    const Matrix q = ref::random_matrix(row, heads * width, random, 1.5);
    const Buffer asked = on_device(ops, q), z = full_of_nan(ops, row, heads * width),
                 log_sum = full_of_nan(ops, row, heads);
    std::vector<Ops::Text> texts;
    for (size_t i = 0; i < segments.size(); ++i) texts.push_back({keys[i], values[i]});
    ops->attention(asked, texts, segments, shape, z, log_sum);
    for (size_t i = 0; i < segments.size(); ++i) {
      const Segment& s = segments[i];
      const auto part = [&](Tensor all) { return from_device(*ops, all.slice(s.query_begin, s.query_end)); };
      const Segment own[] = {{0, s.query_end - s.query_begin, 0, s.key_end}};
      Matrix expected_sum;
      const Matrix expected = ref::attention(part(asked), k[i], v[i], own, shape, &expected_sum);
      QVERIFY2(difference(part(z), expected) < 5e-6, qPrintable(QString("text %1").arg(i)));
      QVERIFY(difference(part(log_sum), expected_sum) < 5e-6);
      const Buffer alone = full_of_nan(ops, own[0].query_end, heads * width),
                   alone_sum = full_of_nan(ops, own[0].query_end, heads);
      ops->attention(asked.view().slice(s.query_begin, s.query_end), keys[i], values[i], own, shape, alone, alone_sum);
      QCOMPARE(from_device(*ops, alone).data, part(z).data);
      QCOMPARE(from_device(*ops, alone_sum).data, part(log_sum).data);
    }
  }
};

QTEST_GUILESS_MAIN(AttentionFewTest)
#include "attention_few_test.moc"
