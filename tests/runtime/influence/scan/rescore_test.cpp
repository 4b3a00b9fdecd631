// Chosen documents are scored as the scan of all of them scores them.
#include "runtime/influence/scan/rescore.h"

#include <QtTest>

#include "runtime/influence/scan/scan.h"
#include "tests/runtime/influence/scan/few_documents.h"
#include "tests/support/sanitized.h"

using namespace stemma;
using namespace stemma::test;

// Under a sanitizer products and sums of register tiles are not fused, as oneDNN's are.
constexpr double rounding = sanitized ? 1e-4 : 1e-5;

class RescoreTest : public QObject, FewDocuments {
  Q_OBJECT

  const DocumentBatches batches{documents, 256};

 private slots:
  void equals_the_scan() {
    const QueryGradients asked = queries(3);
    const size_t count = asked.nats.size();
    QCOMPARE(count, size_t{3});
    const std::vector<float> all = scan(*model, asked, batches, documents.size(), Control());
    const std::vector<std::vector<int32_t>> choices = {{0}, {too_short}, {59, 3, 17, too_short, 30}, {}};
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
            QCOMPARE(expected == 0, chosen[i] == int32_t{too_short});
            QVERIFY(std::abs(found[q * chosen.size() + i] - expected) <=
                    rounding * largest);  // batches of few rows take other kernels
          }
        }
      }
  }

  void the_same_packing_gives_the_same_bits() {
    const QueryGradients asked = queries(3);
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
      rescore(*model, queries(1), batches, {1, 2, 3, 4}, 16, control);
    } catch (const Error& error) {
      stopped = error.code() == ErrorCode::cancelled;
    }
    QVERIFY(stopped);
    QCOMPARE(stage, std::string("scores of the chosen documents"));
  }
};

QTEST_GUILESS_MAIN(RescoreTest)
#include "rescore_test.moc"
