// A model's rounded twin: forward and backward to activations are those of a model whose weights are the rounded
// numbers, but for what meets them, which is rounded too.
#include <QtTest>
#include <bit>

#include "kernels/half.h"
#include "runtime/error.h"
#include "tests/support/layer_gradients.h"
#include "tests/support/tiny_model.h"

using namespace stemma;
using namespace stemma::test;

namespace {

LabelledBatch documents() {
  LabelledBatch labelled;
  for (const std::vector<int32_t>& document : std::initializer_list<std::vector<int32_t>>{
           {18, 3, 7, 7, 0, 17, 19}, {18, 5, 19}, {18, 1, 2, 16, 4, 11, 3, 9, 4, 4, 5, 1}})
    labelled.add(document);
  return labelled;
}

// The weights that are multiplied become what bf16 has of them; the embedding does not.
void round_numbers(Model& model) {
  const auto round = [](Tensor w) {
    for (int64_t i = 0; i < w.size(); ++i)
      w.data[i] = std::bit_cast<float>(static_cast<uint32_t>(bf16_of(w.data[i])) << 16);
  };
  round(model.weights.unembedding);
  for (Block& block : model.weights.blocks)
    for (const Linear which : linears_of(model.config)) round(block.linear(which));
}

double apart(const std::vector<LayerRows>& found, const std::vector<LayerRows>& expected) {
  double worst = 0;
  for (size_t i = 0; i < expected.size(); ++i)
    worst = std::max({worst, difference(found[i].a, expected[i].a), difference(found[i].g, expected[i].g)});
  return worst;
}

}  // namespace

class RoundedTest : public QObject {
  Q_OBJECT

 private slots:
  void is_the_model_of_the_rounded_numbers() {
    const auto model = random_model(tiny_config(2, false), 3), twin = random_model(tiny_config(2, false), 3);
    round_numbers(*twin);
    const Model quick = rounded(*model);
    const auto exact = layer_rows(*model, documents(), -1), expected = layer_rows(*twin, documents(), -1),
               found = layer_rows(quick, documents(), -1);
    const double off = apart(found, expected), weights_alone = apart(expected, exact);
    qInfo("apart %.1e from rounded weights in f32, which are %.1e from whole ones", off, weights_alone);
    QVERIFY(weights_alone > 1e-4);
    QVERIFY(off < (model->ops->multiplies_bf16() ? 4e-2 : 1e-5));
  }

  void what_is_not_multiplied_stays() {
    const auto model = random_model(tiny_config(2, true), 3);
    const Model quick = rounded(*model);
    QCOMPARE(quick.weights.embedding.data, model->weights.embedding.data);
    QVERIFY(quick.weights.embedding_matrix.type == WeightType::f32);
    QVERIFY(quick.weights.unembedding_matrix.type == WeightType::bf16);
    QCOMPARE(quick.weights.blocks[1].mlp_norm.data, model->weights.blocks[1].mlp_norm.data);
    QVERIFY(!quick.weights.blocks[1].linear(Linear::down));
    QCOMPARE(quick.weights.blocks[1].linear(Linear::down).rows, int64_t{8});
    QVERIFY(quick.heads(0).rounded && !model->heads(0).rounded);
  }

  void parameters_ask_for_f32() {
    const auto model = random_model(tiny_config(2, true), 3);
    const Model quick = rounded(*model);
    Workspace work(quick);
    Batch batch;
    batch.add({1, 2, 3});
    const Tensor hidden = forward(work, batch);
    Weights gradients(model->config, model->ops);
    QVERIFY_EXCEPTION_THROWN(backward(work, batch, hidden, &gradients, nullptr), Error);
    QVERIFY_EXCEPTION_THROWN(rounded(quick), Error);
  }
};

QTEST_GUILESS_MAIN(RoundedTest)
#include "rounded_test.moc"
