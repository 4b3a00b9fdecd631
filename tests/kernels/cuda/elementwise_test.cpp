// Embedding, rotation, activations, biases, caps.
#include "tests/kernels/cuda/parity.h"

using namespace stemma;
using namespace stemma::parity;

class CudaElementwiseTest : public QObject, Parity {
  Q_OBJECT

 private slots:
  void initTestCase() { open(); }
  void init() { generator.seed(1); }

  void embed() {
    for (const auto& [rows, width, vocabulary] : {std::array{53, 75, 37}, {700, 33, 5}, {1, 1030, 9}})
      compare(0, {random_matrix(vocabulary, width), random_matrix(rows, width)}, random_ids(rows, vocabulary),
              [](Ops& ops, const Tensors& t, Ids ids) { ops.embed(ids, t[0], t[1]); });
  }

  void embed_backward() {
    for (const auto& [rows, width, vocabulary] : {std::array{53, 75, 37}, {700, 33, 5}, {1, 1030, 9}})
      compare(1e-5, {random_matrix(rows, width), random_matrix(vocabulary, width)}, random_ids(rows, vocabulary),
              [](Ops& ops, const Tensors& t, Ids ids) { ops.embed_backward(ids, t[0], t[1]); });
  }

  void rope() {
    for (const auto& [rows, heads, width] : {std::array{37, 3, 10}, {5, 1, 2}, {130, 7, 128}})
      for (const Rotation rotation : {Rotation::forward, Rotation::inverse})
        compare(1e-6, {random_matrix(rows, heads * width), random_matrix(50, width)}, random_ids(rows, 50),
                [rotation, width = width](Ops& ops, const Tensors& t, Ids ids) {
                  ops.rope(t[0], ids, t[1], width, rotation);
                });
  }

  void rope_of_part_of_a_head() {
    for (const Rotation rotation : {Rotation::forward, Rotation::inverse})
      compare(1e-6, {random_matrix(37, 3 * 20), random_matrix(50, 6)}, random_ids(37, 50),
              [rotation](Ops& ops, const Tensors& t, Ids ids) { ops.rope(t[0], ids, t[1], 20, rotation); });
  }

  void swiglu() {
    for (const float scale : {1.f, 50.f})
      compare(1e-5,
              {random_matrix(31, 77, scale), random_matrix(31, 77), random_matrix(31, 77), random_matrix(31, 77),
               random_matrix(31, 77)},
              {}, [](Ops& ops, const Tensors& t, Ids) {
                ops.swiglu(t[0], t[1], t[2]);
                ops.swiglu_backward(t[0], t[1], t[2], t[3], t[4]);
              });
  }

  void gelu() {
    for (const Gelu kind : {Gelu::exact, Gelu::tanh})
      for (const bool gated : {false, true})
        compare(1e-5,
                {random_matrix(31, 77, 3), random_matrix(31, 77), random_matrix(31, 77), random_matrix(31, 77),
                 random_matrix(31, 77), random_matrix(31, 77)},
                {}, [kind, gated](Ops& ops, const Tensors& t, Ids) {
                  const Tensor up = gated ? t[1] : Tensor{};
                  ops.gelu(kind, t[0], up, t[2]);
                  ops.gelu_backward(kind, t[0], up, t[3], t[4], gated ? t[5] : Tensor{});
                });
  }

  void elementwise() {
    compare(1e-5, {random_matrix(1, 133), random_matrix(61, 133), random_matrix(1, 133)}, {},
            [](Ops& ops, const Tensors& t, Ids) {
              ops.add_bias(t[0], t[1]);
              ops.add_bias_backward(t[1], t[2]);
            });
    compare(1e-5, {random_matrix(61, 133, 20), random_matrix(61, 133)}, {}, [](Ops& ops, const Tensors& t, Ids) {
      ops.soft_cap(t[0], 15);
      ops.soft_cap_backward(t[0], 15, t[1]);
    });
    compare(0, {random_matrix(61, 133), random_matrix(61, 133)}, {}, [](Ops& ops, const Tensors& t, Ids) {
      ops.clip(t[0], 0.7f);
      ops.clip_backward(t[0], 0.7f, t[1]);
    });
  }

  void add() {
    compare(1e-6, {random_matrix(61, 43), random_matrix(61, 43)}, {},
            [](Ops& ops, const Tensors& t, Ids) { ops.add(t[0], t[1], -0.3f); });
  }
};

QTEST_GUILESS_MAIN(CudaElementwiseTest)
#include "elementwise_test.moc"
