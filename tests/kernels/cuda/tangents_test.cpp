// Tangents of norms, activations and attention.
#include "tests/kernels/cuda/parity.h"

using namespace stemma;
using namespace stemma::parity;

class CudaTangentsTest : public QObject, Parity {
  Q_OBJECT

 private slots:
  void initTestCase() { open(); }
  void init() { generator.seed(1); }

  void norms() {
    for (const auto& [rows, width] : {std::pair{5, 7}, {67, 333}, {40, 2050}})
      for (const bool plain : {false, true})
        compare(3e-5,
                {random_matrix(rows, width), random_matrix(1, width), positive_matrix(rows, 1), random_matrix(rows, 2),
                 random_matrix(rows, width), random_matrix(rows, width), random_matrix(rows, width)},
                {}, [plain](Ops& ops, const Tensors& t, Ids) {
                  ops.rms_norm_tangent(t[0], t[1], t[2], t[4], t[5]);
                  ops.layer_norm_tangent(t[0], plain ? Tensor{} : t[1], t[3], t[4], t[6]);
                  ops.rms_norm_tangent(t[0], t[1], t[2], t[4], t[4]);
                });
  }

  void activations() {
    for (const Gelu kind : {Gelu::exact, Gelu::tanh})
      compare(1e-5,
              {random_matrix(31, 77, 3), random_matrix(31, 77), random_matrix(31, 77), random_matrix(31, 77),
               random_matrix(31, 77), random_matrix(31, 77), random_matrix(31, 77)},
              {}, [kind](Ops& ops, const Tensors& t, Ids) {
                ops.gelu_tangent(kind, t[0], t[1], t[2], t[3], t[4]);
                ops.gelu_tangent(kind, t[0], {}, t[2], {}, t[5]);
                ops.swiglu_tangent(t[0], t[1], t[2], t[3], t[6]);
              });
  }

  void attention() {
    for (const int width : {16, 80, 256})
      for (const auto& [window, cap] : {std::pair{0, 0.f}, {1, 3.f}, {20, 0.f}})
        for (const auto& lengths : std::vector<std::vector<std::pair<int, int>>>{
                 {{70, 70}, {1, 1}}, {{33, 80}, {1, 150}, {100, 131}}}) {
          const std::vector<Segment> segments = layout(lengths);
          const Heads heads{4, 2, width, 0.2f, cap, window};
          const int64_t queries = segments.back().query_end + 3, keys = segments.back().key_end + 1;
          const auto of_queries = [&] { return random_matrix(queries, 4 * width); };
          const auto of_keys = [&] { return random_matrix(keys, 2 * width); };
          compare(5e-5,
                  {of_queries(), of_keys(), of_keys(), of_queries(), random_matrix(queries, 4), of_queries(), of_keys(),
                   of_keys(), of_queries()},
                  {}, [&](Ops& ops, const Tensors& t, Ids) {
                    ops.attention(t[0], t[1], t[2], segments, heads, t[3], t[4]);
                    ops.attention_tangent(t[0], t[1], t[2], t[4], t[5], t[6], t[7], segments, heads, t[8]);
                  });
        }
  }
};

QTEST_GUILESS_MAIN(CudaTangentsTest)
#include "tangents_test.moc"
