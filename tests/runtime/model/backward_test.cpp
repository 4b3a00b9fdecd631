// The one backward against central differences of an independent f64 decoder, and what must not change a gradient.
#include <QtTest>
#include <map>
#include <numeric>

#include "runtime/corpus/packing.h"
#include "tests/support/compare.h"
#include "tests/support/reference_decoder.h"
#include "tests/support/tiny_model.h"

using namespace stemma;
using namespace stemma::test;
namespace ref = stemma::reference;

namespace {

const std::vector<std::vector<int32_t>> documents = {
    {18, 3, 7, 7, 0, 17, 19}, {18, 5, 19}, {18, 1, 2, 16, 4, 11, 3, 9}};

LabelledBatch packed(const std::vector<std::vector<int32_t>>& list) {
  LabelledBatch labelled;
  for (const auto& document : list) labelled.add(document);
  return labelled;
}

// Runs forward, loss and backward; gradients are added to `gradients`.
std::vector<float> differentiate(Workspace& work, const LabelledBatch& labelled, float weight, Weights* gradients,
                                 const LinearTap* tap = nullptr) {
  const Model& model = work.model();
  std::vector<float> losses;
  const Tensor hidden = forward(work, labelled.batch);
  const Buffer top = full_of_nan(model.ops, hidden.rows, hidden.columns);
  loss(model, hidden, labelled.targets, {.weight = weight}, losses, top, gradients ? gradients->unembedding : Tensor{});
  backward(work, labelled.batch, top, gradients, tap);
  return losses;
}

Weights zeroed_weights(const Model& model) {
  Weights weights(model.config, model.ops);
  model.ops->zero(weights.flat().view().data, weights.flat().bytes());
  return weights;
}

}  // namespace

class BackwardTest : public QObject {
  Q_OBJECT

 private slots:
  void forward_equals_f64() {
    for (const bool tied : {true, false}) {
      const auto model = random_model(tiny_config(2, tied), 1);
      const LabelledBatch labelled = packed(documents);
      Workspace work(*model);
      const Tensor hidden = forward(work, labelled.batch);
      VERIFY_CLOSE(from_device(*model->ops, hidden), ReferenceDecoder(*model).hidden(labelled.batch), 1e-5);
    }
  }

  void every_parameter_gradient_data() {
    QTest::addColumn<bool>("tied");
    QTest::addColumn<int>("shared");
    QTest::newRow("tied") << true << 2;
    QTest::newRow("untied") << false << 2;
    QTest::newRow("one key for all") << true << 1;
    QTest::newRow("a key for each") << true << 4;
  }
  void every_parameter_gradient() {
    QFETCH(bool, tied);
    QFETCH(int, shared);
    ModelConfig config = tiny_config(2, tied);
    config.key_value_heads = shared;
    const auto model = random_model(config, 2);
    LabelledBatch labelled = packed(documents);
    labelled.targets[2] = -1;  // a row without a label
    Workspace work(*model);
    Weights gradients = zeroed_weights(*model);
    const float weight = 0.25f;
    const std::vector<float> losses = differentiate(work, labelled, weight, &gradients);
    ReferenceDecoder decoder(*model);
    QVERIFY(
        std::abs(std::accumulate(losses.begin(), losses.end(), 0.0) / decoder.loss(labelled.batch, labelled.targets) -
                 1) < 1e-5);
    for (const auto& named : gradients.named()) {
      const Matrix original = decoder.weights.at(named.name);
      const Matrix expected = central_differences(original, [&](const Matrix& m) {
        decoder.weights[named.name] = m;
        return weight * decoder.loss(labelled.batch, labelled.targets);
      });
      decoder.weights[named.name] = original;
      const double apart = difference(from_device(*model->ops, named.tensor), expected);
      QVERIFY2(apart < 5e-5, qPrintable(QString("%1: %2").arg(QString::fromStdString(named.name)).arg(apart)));
    }
  }

  void packing_changes_nothing() {
    const auto model = random_model(tiny_config(2, true), 3);
    Workspace work(*model);
    Weights together = zeroed_weights(*model), alone = zeroed_weights(*model), backwards = zeroed_weights(*model);
    const std::vector<float> losses = differentiate(work, packed(documents), 1, &together);
    std::vector<float> one_by_one;
    for (const auto& document : documents) {
      const auto of_one = differentiate(work, packed({document}), 1, &alone);
      one_by_one.insert(one_by_one.end(), of_one.begin(), of_one.end());
    }
    differentiate(work, packed({documents[2], documents[1], documents[0]}), 1, &backwards);
    VERIFY_CLOSE(losses, one_by_one, 1e-6);
    const Matrix expected = from_device(*model->ops, together.flat().view());
    VERIFY_CLOSE(from_device(*model->ops, alone.flat().view()), expected, 1e-5);
    VERIFY_CLOSE(from_device(*model->ops, backwards.flat().view()), expected, 1e-5);
  }

  // A vocabulary of 30,000 is worked in chunks of some 30 rows; each row alone is a chunk of its own.
  void chunks_of_the_loss_change_nothing() {
    ModelConfig config = tiny_config(1, false);
    config.vocabulary = 30000;
    const auto model = random_model(config, 4);
    const int64_t rows = 100;
    Random random(5);
    const Matrix x = ref::random_matrix(rows, config.width, random);
    std::vector<int32_t> targets;
    for (int64_t n = 0; n < rows; ++n) targets.push_back(n % 7 == 3 ? -1 : static_cast<int32_t>(random.below(30000)));
    const Buffer hidden = on_device(model->ops, x), all = full_of_nan(model->ops, rows, config.width),
                 each = full_of_nan(model->ops, rows, config.width);
    Buffer all_weights(model->ops, 30000, config.width), each_weights(model->ops, 30000, config.width);
    all_weights.zero(), each_weights.zero();
    std::vector<float> losses, row_losses, of_rows;
    loss(*model, hidden, targets, {.weight = 0.5f}, losses, all, all_weights);
    for (int64_t n = 0; n < rows; ++n) {
      loss(*model, hidden.view().slice(n, n + 1), {targets[static_cast<size_t>(n)]}, {.weight = 0.5f}, row_losses,
           each.view().slice(n, n + 1), each_weights);
      of_rows.push_back(row_losses.at(0));
    }
    VERIFY_CLOSE(losses, of_rows, 1e-6);
    Ops& ops = *model->ops;
    VERIFY_CLOSE(from_device(ops, all), from_device(ops, each), 1e-5);
    VERIFY_CLOSE(from_device(ops, all_weights), from_device(ops, each_weights), 1e-5);
    const Matrix logits = ref::linear(x, from_device(ops, model->weights.unembedding));
    VERIFY_CLOSE(losses, ref::cross_entropy(logits, targets), 1e-5);
  }

  void taps_see_the_products_of_every_linear() {
    const auto model = random_model(tiny_config(2, true), 6);
    Ops& ops = *model->ops;
    const LabelledBatch labelled = packed(documents);
    Workspace work(*model);
    Weights gradients = zeroed_weights(*model);
    // Once beside parameter gradients, once without them.
    for (Weights* given : {&gradients, static_cast<Weights*>(nullptr)}) {
      std::map<std::pair<int, Linear>, Matrix> products;
      std::vector<int> layers;
      const LinearTap tap = [&](int layer, Linear which, Tensor a, Tensor g) {
        QCOMPARE(a.rows, labelled.batch.size());
        products[{layer, which}] = ref::product(ref::transposed(from_device(ops, g)), from_device(ops, a));
        layers.push_back(layer);
      };
      differentiate(work, labelled, 1, given, &tap);
      QCOMPARE(layers.size(), 14u);
      QVERIFY(std::is_sorted(layers.rbegin(), layers.rend()));
      for (int layer = 0; layer < 2; ++layer)
        for (const Linear which : linears) {
          const Matrix expected = from_device(ops, gradients.blocks[static_cast<size_t>(layer)].linear(which));
          VERIFY_CLOSE((products.at({layer, which})), expected, 1e-5);
        }
    }
  }

  void labels_are_drawn_where_there_is_one() {
    const auto model = random_model(tiny_config(1, true), 7);
    LabelledBatch labelled = packed(documents);
    labelled.targets[0] = -1;
    Workspace work(*model);
    const Tensor hidden = forward(work, labelled.batch);
    const Matrix logits = ReferenceDecoder(*model).logits(labelled.batch);
    std::vector<float> uniforms, losses;
    Random random(8);
    for (size_t n = 0; n < labelled.targets.size(); ++n) uniforms.push_back(static_cast<float>(random.uniform()));
    loss(*model, hidden, labelled.targets, {.uniforms = uniforms.data()}, losses);
    QCOMPARE(losses[0], 0.0f);
    for (size_t n = 1; n < losses.size(); ++n) {
      const std::vector<double> p = ref::softmax(logits, static_cast<int64_t>(n));
      double below = 0;
      size_t drawn = 0;
      while (drawn + 1 < p.size() && below + p[drawn] <= uniforms[n]) below += p[drawn++];
      QVERIFY(std::abs(losses[n] + std::log(p[drawn])) < 1e-4);
    }
  }

  void a_larger_batch_after_a_smaller_one() {
    const auto model = random_model(tiny_config(2, true), 9);
    std::vector<std::vector<int32_t>> many;
    for (int i = 0; i < 120; ++i)
      many.push_back(documents[static_cast<size_t>(i) % 3]);  // past one growth of the workspace
    Workspace fresh(*model), used(*model);
    Weights expected = zeroed_weights(*model), found = zeroed_weights(*model), scratch = zeroed_weights(*model);
    differentiate(fresh, packed(many), 1, &expected);
    differentiate(used, packed(documents), 1, &scratch);
    differentiate(used, packed(many), 1, &found);
    VERIFY_CLOSE(from_device(*model->ops, found.flat().view()), from_device(*model->ops, expected.flat().view()), 0.0);
  }
};

QTEST_GUILESS_MAIN(BackwardTest)
#include "backward_test.moc"
