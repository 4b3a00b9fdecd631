#include "runtime/study/rate.h"

#include <algorithm>
#include <functional>

#include "runtime/clock.h"
#include "runtime/influence/tracked.h"

namespace stemma {

namespace {

double seconds_of(const std::function<void()>& work) {
  const auto start = Clock::now();
  work();
  return seconds_since(start);
}

}  // namespace

BandwidthProbe::BandwidthProbe(std::shared_ptr<Ops> ops) : ops_(std::move(ops)) {
  constexpr int64_t rows = 1024, columns = static_cast<int64_t>(bandwidth_bytes) / 3 / sizeof(float) / rows;
  for (Buffer* array : {&a_, &b_, &c_}) {
    *array = Buffer(ops_, rows, columns);
    array->zero();
  }
}

Bandwidth BandwidthProbe::now() {
  const double read = seconds_of([&] { ops_->sum_of_squares(a_); }),
               triad = seconds_of([&] {
                 ops_->divide_damped(a_, b_, 1, c_);
                 float wait = 0;
                 ops_->download(&wait, c_.view().data, sizeof wait);
               });
  return {bandwidth_bytes / 3 / read, bandwidth_bytes / triad};
}

Bandwidth bandwidth(std::shared_ptr<Ops> ops) {
  BandwidthProbe probe(std::move(ops));
  Bandwidth best;
  for (int i = 0; i < 4; ++i) {
    const Bandwidth now = probe.now();
    best = {std::max(best.read, now.read), std::max(best.triad, now.triad)};
  }
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
    const auto start = Clock::now();
    ops.linear(a, {type, reinterpret_cast<std::byte*>(memory[1]), n, n}, c);
    float wait = 0;
    ops.download(&wait, c.data, sizeof wait);
    best = std::max(best, 2.0 * n * n * n / seconds_since(start));
  }
  for (float* m : memory) ops.release(m);
  return best;
}

double tracked_parameters(const Model& model, const LayerChoice& choice) {
  double sum = 0;
  for (const size_t i : chosen_layers(model, choice.pattern))
    sum += static_cast<double>(tracked_weight(model, i).size());
  return sum;
}

double passed_parameters(const Model& model) {
  return tracked_parameters(model) + static_cast<double>(model.config.vocabulary) * model.config.width;
}

}  // namespace stemma
