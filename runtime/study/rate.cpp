#include "runtime/study/rate.h"

#include <algorithm>
#include <chrono>

#include "runtime/influence/tracked.h"

namespace stemma {

Bandwidth bandwidth(Ops& ops) {
  constexpr int64_t rows = 1024, columns = (128 << 20) / sizeof(float) / rows;
  constexpr double bytes = sizeof(float) * rows * columns;
  const auto array = [&] {
    const Tensor x{static_cast<float*>(ops.allocate(static_cast<size_t>(bytes))), rows, columns};
    ops.zero(x.data, static_cast<size_t>(bytes));
    return x;
  };
  const Tensor a = array(), b = array(), c = array();
  const auto seconds = [](auto work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  Bandwidth best;
  for (int i = 0; i < 4; ++i) {
    best.read = std::max(best.read, bytes / seconds([&] { ops.sum_of_squares(a); }));
    best.triad = std::max(best.triad, 3 * bytes / seconds([&] {
                                        ops.divide_damped(a, b, 1, c);
                                        float wait = 0;
                                        ops.download(&wait, c.data, sizeof wait);
                                      }));
  }
  for (const Tensor& x : {a, b, c}) ops.release(x.data);
  return best;
}

double matmul_rate(Ops& ops, WeightType type) {
  constexpr int64_t most = 2048;
  constexpr size_t bytes = sizeof(float) * most * most;
  float* memory[3];
  for (float*& m : memory) {
    m = static_cast<float*>(ops.allocate(bytes));
    ops.zero(m, bytes);
  }
  double best = 0;
  for (const int64_t n : {512, 512, 512, 512, 512, 512, 1024, 1024, 1024, 1024, 1024, 1024, 2048, 2048}) {
    const Tensor a{memory[0], n, n}, c{memory[2], n, n};
    const auto start = std::chrono::steady_clock::now();
    ops.linear(a, {type, reinterpret_cast<std::byte*>(memory[1]), n, n}, c);
    float wait = 0;
    ops.download(&wait, c.data, sizeof wait);
    best = std::max(best,
                    2.0 * n * n * n / std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  for (float* m : memory) ops.release(m);
  return best;
}

double tracked_parameters(const Model& model, const LayerChoice& choice) {
  double sum = 0;
  for (const size_t i : chosen_layers(model, choice.pattern)) sum += static_cast<double>(tracked_weight(model, i).size());
  return sum;
}

double passed_parameters(const Model& model) {
  return tracked_parameters(model) + static_cast<double>(model.config.vocabulary) * model.config.width;
}

}  // namespace stemma
