#include "tests/kernels/cuda/parity.h"

using namespace stemma;
using namespace stemma::parity;

class CudaNormTest : public QObject, Parity {
  Q_OBJECT

 private slots:
  void initTestCase() { open(); }
  void init() { generator.seed(1); }

  void rms_norm() {
    for (const auto& [rows, width] : {std::pair{5, 7}, {67, 333}, {130, 1030}, {1, 5000}})
      for (const float scale : {1e-3f, 1.f, 1e3f}) {
        const Matrix x = random_matrix(rows, width, scale), weight = random_matrix(1, width);
        compare(1e-5, {x, weight, random_matrix(rows, width), random_matrix(rows, 1)}, {},
                [](Ops& ops, const Tensors& t, Ids) { ops.rms_norm(t[0], t[1], 1e-6f, t[2], t[3]); });
        compare(3e-5,
                {x, weight, random_matrix(rows, width), random_matrix(rows, 1), random_matrix(rows, width),
                 random_matrix(rows, width), random_matrix(1, width)},
                {}, [](Ops& ops, const Tensors& t, Ids) {
                  ops.rms_norm(t[0], t[1], 1e-6f, t[2], t[3]);
                  ops.rms_norm_backward(t[0], t[1], t[3], t[4], t[5], t[6]);
                });
      }
  }

  void rms_norm_backward_without_weight_gradient() {
    compare(
        3e-5,
        {random_matrix(9, 65), random_matrix(1, 65), positive_matrix(9, 1), random_matrix(9, 65), random_matrix(9, 65)},
        {}, [](Ops& ops, const Tensors& t, Ids) { ops.rms_norm_backward(t[0], t[1], t[2], t[3], t[4], {}); });
  }

  void layer_norm() {
    for (const auto& [rows, width] : {std::pair{5, 7}, {67, 333}, {130, 1030}})
      for (const bool plain : {false, true})
        compare(3e-5,
                {random_matrix(rows, width), random_matrix(1, width), random_matrix(1, width),
                 random_matrix(rows, width), random_matrix(rows, 2), random_matrix(rows, width),
                 random_matrix(rows, width), random_matrix(1, width), random_matrix(1, width)},
                {}, [plain](Ops& ops, const Tensors& t, Ids) {
                  const Tensor weight = plain ? Tensor{} : t[1], bias = plain ? Tensor{} : t[2];
                  ops.layer_norm(t[0], weight, bias, 1e-5f, t[3], t[4]);
                  ops.layer_norm_backward(t[0], weight, t[4], t[5], t[6], plain ? Tensor{} : t[7],
                                          plain ? Tensor{} : t[8]);
                });
  }
};

QTEST_GUILESS_MAIN(CudaNormTest)
#include "norm_test.moc"
