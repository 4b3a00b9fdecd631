// Chosen documents are scored as the scan of all of them scores them.
#include "runtime/influence/scan/rescore.h"

#include <QtTest>

#include "runtime/influence/scan/scan.h"
#include "tests/support/tiny_model.h"

using namespace stemma;
using namespace stemma::test;

class RescoreTest : public QObject {
  Q_OBJECT

  const std::shared_ptr<Model> model = random_model(wider(), 31);
  const std::vector<std::vector<int32_t>> documents = random_documents();
  const DocumentBatches batches{documents, 256};
  const Trace trace = trace_of(*model, "ab cdefg hij k.", {4, 8, 12});

  static ModelConfig wider() {
    ModelConfig config = tiny_config(2, true);
    config.width = 48, config.head_width = 12, config.mlp_width = 80;
    return config;
  }
  static std::vector<std::vector<int32_t>> random_documents() {
    Random random(7);
    std::vector<std::vector<int32_t>> all(60);
    for (size_t d = 0; d < all.size(); ++d) {
      all[d].resize(d == 5 ? 1 : 2 + random.below(30));
      for (int32_t& id : all[d]) id = static_cast<int32_t>(random.below(tiny_vocabulary));
    }
    return all;
  }
  QueryGradients queries() const {
    std::vector<Query> spans;
    for (size_t s = 1; s < trace.steps.size(); ++s)
      spans.push_back({&trace.tokens, trace.steps[s].begin, trace.steps[s].end});
    return query_gradients(*model, spans);
  }

 private slots:
  void equals_the_scan() {
    const QueryGradients asked = queries();
    const size_t count = asked.nats.size();
    QCOMPARE(count, size_t{3});
    const std::vector<float> all = scan(*model, asked, batches, documents.size(), Control());
    const std::vector<std::vector<int32_t>> choices = {{0}, {5}, {59, 3, 17, 5, 30}, {}};
    for (const auto& chosen : choices)
      for (const int64_t budget : {1, 64, 4096}) {
        const std::vector<float> found = rescore(*model, asked, batches, chosen, budget, Control());
        QCOMPARE(found.size(), count * chosen.size());
        for (size_t q = 0; q < count; ++q) {
          double largest = 0;
          for (size_t d = 0; d < documents.size(); ++d)
            largest = std::max(largest, std::abs(double(all[q * documents.size() + d])));
          for (size_t i = 0; i < chosen.size(); ++i) {
            const float expected = all[q * documents.size() + static_cast<size_t>(chosen[i])];
            QCOMPARE(expected == 0, chosen[i] == 5);
            QVERIFY(std::abs(found[q * chosen.size() + i] - expected) <=
                    1e-5 * largest);  // batches of few rows take other kernels
          }
        }
      }
  }

  void the_same_packing_gives_the_same_bits() {
    const QueryGradients asked = queries();
    std::vector<int32_t> every(documents.size());
    for (size_t d = 0; d < every.size(); ++d) every[d] = static_cast<int32_t>(d);
    QVERIFY(rescore(*model, asked, batches, every, 256, Control()) ==
            scan(*model, asked, batches, documents.size(), Control()));
  }

  void says_what_it_does_and_stops() {
    Control control;
    std::string stage;
    control.report = [&](const Progress& progress) {
      stage = progress.stage;
      control.cancel();
    };
    bool stopped = false;
    try {
      rescore(*model, queries(), batches, {1, 2, 3, 4}, 16, control);
    } catch (const Error& error) {
      stopped = error.code() == ErrorCode::cancelled;
    }
    QVERIFY(stopped);
    QCOMPARE(stage, std::string("scores of the chosen documents"));
  }
};

QTEST_GUILESS_MAIN(RescoreTest)
#include "rescore_test.moc"
