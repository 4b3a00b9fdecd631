// A briefly trained model: the document that is a copy of the completion stands first among hundreds.
#include <QTemporaryDir>
#include <QtTest>

#include "runtime/influence/attribute.h"
#include "runtime/train/train.h"
#include "tests/support/tiny_model.h"

using namespace stemma;
using namespace stemma::test;

class PlantedCopyTest : public QObject {
  Q_OBJECT

 private slots:
  void the_copy_ranks_first() {
    QTemporaryDir temporary;
    const std::filesystem::path folder = temporary.path().toStdString();
    write_tiny_tokenizer(folder / "tokenizer");
    const std::vector<std::string> texts = random_texts(200, 41, 8);
    const Corpus corpus = corpus_of(texts);
    TrainConfig config;
    config.model = tiny_config(2, true);
    config.model.width = 16, config.model.mlp_width = 32, config.model.initializer_range = 0.1f;
    config.tokenizer = folder / "tokenizer";
    config.passes = 8, config.batch_tokens = 256, config.rate = 1e-2, config.final_rate = 1e-3;
    train(config, corpus, make_cpu_ops(), folder / "model", {}, Control());
    const auto model = load_model(folder / "model", make_cpu_ops());

    const Factors factors = fit_factors(*model, corpus, {}, Control());
    std::vector<Trace> traces;
    const std::vector<int32_t> copies = {3, 77, 150, 199};
    for (const int32_t copy : copies) traces.push_back(trace_of(*model, texts[static_cast<size_t>(copy)], {4}));
    std::vector<const Trace*> pointers;
    for (const Trace& trace : traces) pointers.push_back(&trace);
    const auto tables = attribute(*model, &factors, corpus, pointers, {.top = 3}, Control());
    for (size_t i = 0; i < copies.size(); ++i) {
      QCOMPARE(tables[i].top_documents[0], copies[i]);
      QVERIFY(tables[i].score(0, copies[i]) > 0);
      QCOMPARE(tables[i].find(copies[i])->text, texts[static_cast<size_t>(copies[i])]);
    }
  }
};

QTEST_GUILESS_MAIN(PlantedCopyTest)
#include "planted_copy_test.moc"
