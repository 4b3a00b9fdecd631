// Output-token influence of every family that there is a golden model of: it adds up to what the scan finds, and each
// token's is the difference that moved weights make.
#include "runtime/influence/tables/output_tokens.h"

#include <QtTest>
#include <numeric>

#include "runtime/influence/scan/scan.h"
#include "runtime/influence/tracked.h"
#include "tests/support/compare.h"
#include "tests/support/tiny_model.h"

using namespace stemma;
using namespace stemma::test;

namespace {

std::vector<std::vector<int32_t>> random_documents(const Model& model, Random& random) {
  std::vector<std::vector<int32_t>> documents(5);
  for (size_t d = 0; d < documents.size(); ++d)
    for (size_t t = 0; t < 2 + 6 * d; ++t)
      documents[d].push_back(static_cast<int32_t>(random.below(static_cast<uint64_t>(model.config.vocabulary))));
  return documents;
}

}  // namespace

class OutputTokensTest : public QObject {
  Q_OBJECT

  std::shared_ptr<const Model> model_;
  std::vector<std::vector<int32_t>> documents_;
  LabelledBatch packed_;

  void open(const QString& family) {
    model_ =
        load_model(std::filesystem::path(STEMMA_SOURCE_DIR) / "tests/golden" / family.toStdString(), make_cpu_ops());
    Random random(11);
    documents_ = random_documents(*model_, random);
    packed_ = {};
    for (const auto& document : documents_) packed_.add(document);
  }
  static void families() {
    QTest::addColumn<QString>("family");
    for (const auto& entry :
         std::filesystem::directory_iterator(std::filesystem::path(STEMMA_SOURCE_DIR) / "tests/golden"))
      if (std::filesystem::exists(entry.path() / "expected.safetensors"))
        QTest::newRow(entry.path().filename().c_str()) << QString(entry.path().filename().c_str());
  }
  // log p of every row's target with weights moved by `step` along the query.
  std::vector<double> log_probabilities(const QueryGradients& queries, double step) const {
    const auto move = [&](float by) {
      for (size_t i = 0; i < tracked_count(*model_); ++i) {
        const Tensor weight = tracked_weight(*model_, i);
        model_->ops->add({queries.layers[i].view().row(0), weight.rows, weight.columns}, weight, by);
      }
    };
    const Buffer before(model_->ops, 1, model_->weights.flat().view().columns);
    model_->ops->copy(before.view().data, model_->weights.flat().view().data, before.bytes());
    move(static_cast<float>(step));
    Workspace work(*model_);
    std::vector<float> losses;
    loss(*model_, forward(work, packed_.batch), packed_.targets, {}, losses);
    model_->ops->copy(model_->weights.flat().view().data, before.view().data, before.bytes());
    std::vector<double> found;
    for (const float loss : losses) found.push_back(-double(loss));
    return found;
  }

 private slots:
  void adds_up_to_the_scan_data() { families(); }
  void adds_up_to_the_scan() {
    QFETCH(QString, family);
    open(family);
    const std::vector<Query> asked = {{&documents_[3], 5, 9}, {&documents_[4], 1, 20}, {&documents_[2], 10, 14}};
    const QueryGradients queries = query_gradients(*model_, asked);
    const std::vector<float> expected =
        scan(*model_, queries, DocumentBatches(documents_, 64), documents_.size(), Control());
    const std::vector<float> tokens = OutputTokens(*model_).of(queries, 1, 3, packed_);
    QCOMPARE(tokens.size(), size_t(2 * packed_.batch.size()));
    for (size_t q = 0; q < 2; ++q) {
      std::vector<double> sums, scores;
      for (size_t d = 0; d < documents_.size(); ++d) {
        const Segment& s = packed_.batch.segments[d];
        const float* row = tokens.data() + static_cast<int64_t>(q) * packed_.batch.size();
        sums.push_back(std::accumulate(row + s.query_begin, row + s.query_end, 0.0));
        scores.push_back(expected[(q + 1) * documents_.size() + d]);
      }
      VERIFY_CLOSE(sums, scores, 1e-5);
    }
  }

  void is_what_moved_weights_make_data() { families(); }
  void is_what_moved_weights_make() {
    QFETCH(QString, family);
    open(family);
    const QueryGradients queries = query_gradients(*model_, {{&documents_[4], 3, 12}});
    const auto found = OutputTokens(*model_).of(queries, 0, 1, packed_);
    double most = 0;
    for (const float score : found) most = std::max(most, std::abs(double(score)));
    const double step = 0.05 / most;  // the largest log p moves by so many nats
    const auto apart = [&](double by) {
      std::vector<double> above = log_probabilities(queries, by);
      const std::vector<double> below = log_probabilities(queries, -by);
      for (size_t n = 0; n < above.size(); ++n) above[n] -= below[n];
      return above;
    };
    const std::vector<double> near = apart(step), far = apart(2 * step);
    std::vector<double> expected;  // without the step's square
    for (size_t n = 0; n < near.size(); ++n) expected.push_back((8 * near[n] - far[n]) / (12 * step));
    VERIFY_CLOSE(found, expected, model_->config.clip_qkv > 0 ? 1e-2 : 5e-4);  // clipping has kinks
  }
};

QTEST_GUILESS_MAIN(OutputTokensTest)
#include "output_tokens_test.moc"
