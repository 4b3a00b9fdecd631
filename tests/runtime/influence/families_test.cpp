// Influence over families whose blocks are not Llama's: fused queries, keys and values, no gate.
#include <QtTest>

#include "runtime/influence/curvature/factors.h"
#include "runtime/influence/questions/query.h"
#include "runtime/influence/tracked.h"
#include "tests/support/layer_gradients.h"
#include "tests/support/tiny_model.h"

using namespace stemma;
using namespace stemma::test;

class InfluenceFamiliesTest : public QObject {
  Q_OBJECT

  static std::shared_ptr<const Model> golden(const char* name) {
    return load_model(std::filesystem::path(STEMMA_SOURCE_DIR) / "tests/golden" / name, make_cpu_ops());
  }

 private slots:
  void tracked_layers_data() {
    QTest::addColumn<QString>("family");
    QTest::addColumn<int>("in_block");
    QTest::newRow("gpt2") << "gpt2" << 6;
    QTest::newRow("gpt-neox") << "gpt-neox" << 6;
    QTest::newRow("phi3") << "phi3" << 7;
  }
  void tracked_layers() {
    QFETCH(QString, family);
    QFETCH(int, in_block);
    const auto model = golden(qPrintable(family));
    QCOMPARE(tracked_count(*model), static_cast<size_t>(model->config.layers * in_block));
    const Corpus corpus = corpus_of(random_texts(12, 3));
    const Factors factors = fit_factors(*model, corpus, {}, Control());
    QCOMPARE(factors.layers.size(), tracked_count(*model));
    for (size_t i = 0; i < factors.layers.size(); ++i) {
      const LayerFactors& layer = factors.layers[i];
      const Tensor weight = tracked_weight(*model, i);
      QCOMPARE(layer.name, tracked_name(tracked_layer(*model, i), tracked_linear(*model, i)));
      QCOMPARE(tracked_index(*model, tracked_layer(*model, i), tracked_linear(*model, i)), i);
      QVERIFY(weight && layer.inputs == weight.columns && layer.outputs == weight.rows);
      QVERIFY(layer.damping > 0);
      QVERIFY(in_block == 7 || layer.name.find("gate") == std::string::npos);
    }

    // A query's gradients are the products of what the taps see.
    const std::vector<int32_t> tokens = {18, 3, 7, 7, 0, 17, 9, 2, 19};
    auto found = query_gradients(*model, {{&tokens, 4, 8}});
    const auto expected = span_gradients(*model, tokens, 4, 8);
    for (size_t i = 0; i < expected.size(); ++i) {
      Matrix gradient = from_device(*model->ops, found.layers[i].view());
      QVERIFY(difference(gradient.data, expected[i].data) < 1e-5);
    }
    precondition(*model, factors, found);
    for (const Buffer& layer : found.layers)
      for (const double value : from_device(*model->ops, layer.view()).data) QVERIFY(std::isfinite(value));
  }
};

QTEST_GUILESS_MAIN(InfluenceFamiliesTest)
#include "families_test.moc"
