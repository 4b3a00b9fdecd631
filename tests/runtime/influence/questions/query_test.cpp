// Gradients of spans, packed with others or one of many in a long text, are those of each span by itself.
#include "runtime/influence/questions/query.h"

#include <QtTest>

#include "tests/support/layer_gradients.h"
#include "tests/support/tiny_model.h"

using namespace stemma;
using namespace stemma::test;

class QueryTest : public QObject {
  Q_OBJECT

  static std::shared_ptr<Model> model_of(RopeScaling::Kind kind) {
    ModelConfig config = tiny_config(2, true);
    config.context = 1024;
    config.rope.kind = kind;
    if (kind == RopeScaling::Kind::longrope) {
      config.rope.original_context = 600;
      config.rope.short_factors = {1, 1.5f};
      config.rope.long_factors = {2, 5};
    }
    return random_model(config, 31, 0.2);
  }
  static std::vector<int32_t> text_of(size_t length, uint64_t seed) {
    Random random(seed);
    std::vector<int32_t> tokens(length);
    for (int32_t& id : tokens) id = static_cast<int32_t>(random.below(tiny_vocabulary));
    return tokens;
  }

 private slots:
  void each_is_its_own_data() {
    QTest::addColumn<int>("kind");
    QTest::newRow("plain") << static_cast<int>(RopeScaling::Kind::none);
    QTest::newRow("LongRoPE, whose long texts turn otherwise") << static_cast<int>(RopeScaling::Kind::longrope);
  }
  void each_is_its_own() {
    QFETCH(int, kind);
    const auto model = model_of(static_cast<RopeScaling::Kind>(kind));
    const std::vector<int32_t> one = text_of(800, 1), other = text_of(700, 2), brief = text_of(20, 3);
    // Short ones and long ones of a text; the longest not last; another text's right behind; the first token alone.
    const std::vector<Query> queries = {{&brief, 1, 4},     {&brief, 4, 20},  {&one, 100, 140}, {&one, 500, 540},
                                        {&one, 540, 590},   {&one, 590, 800}, {&one, 700, 720}, {&other, 505, 530},
                                        {&other, 530, 700}, {&brief, 10, 20}};
    const QueryGradients found = query_gradients(*model, queries);
    for (size_t q = 0; q < queries.size(); ++q) {
      const Query& query = queries[q];
      const std::vector<int32_t> before(query.tokens->begin(), query.tokens->begin() + query.end);
      const std::vector<Matrix> expected = span_gradients(*model, before, query.begin, query.end);
      for (size_t i = 0; i < expected.size(); ++i) {
        const Tensor row = found.layers[i].view().slice(static_cast<int64_t>(q), static_cast<int64_t>(q) + 1);
        QVERIFY2(difference(from_device(*model->ops, row), expected[i]) < 2e-5,
                 qPrintable(QString("query %1, layer %2").arg(q).arg(i)));
      }
      LabelledBatch labelled;
      labelled.add(before);
      Workspace work(*model);
      std::vector<float> losses;
      loss(*model, forward(work, labelled.batch), labelled.targets, {}, losses);
      double nats = 0;
      for (int32_t t = query.begin; t < query.end; ++t) nats += losses[static_cast<size_t>(t - 1)];
      QVERIFY(std::abs(found.nats[q] - nats) < 1e-5 * nats);
    }
  }
};

QTEST_GUILESS_MAIN(QueryTest)
#include "query_test.moc"
