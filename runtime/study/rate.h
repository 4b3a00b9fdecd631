// The limits that times are held against.
#pragma once

#include "runtime/influence/curvature/factors.h"
#include "runtime/influence/documents.h"

namespace stemma {

// Bytes a second of the device's memory over arrays far larger than its caches: reading one, and triad (McCalpin 1995:
// two are read and a third is written, counted as three).
struct Bandwidth {
  double read = 0, triad = 0;
};
inline constexpr double bandwidth_bytes = 3.0 * (128 << 20);  // that measuring takes
class BandwidthProbe {
 public:
  explicit BandwidthProbe(std::shared_ptr<Ops> ops);
  Bandwidth now();  // one pass each, some hundredths of a second

 private:
  std::shared_ptr<Ops> ops_;
  Buffer a_, b_, c_;
};
Bandwidth bandwidth(std::shared_ptr<Ops> ops);  // the best of a few passes
// Matrix products of the device, FLOP/s: the best of a few large ones, of weights in f32 or as bf16 ones are multiplied.
double matmul_rate(Ops& ops, WeightType type = WeightType::f32);
// Weights of all tracked layers, N.
double tracked_parameters(const Model& model, const LayerChoice& choice = {});

// Weights that a token is multiplied with: all linear layers of the blocks, and the unembedding.
double passed_parameters(const Model& model);

// What cannot be avoided, FLOP: forward and activation backward (4 N a token, N of passed_parameters), and each document's
// dot product with each query. A fit is two such passes. Gradients, covariances and rotations are left out, so 100 % is
// out of reach.
inline double fit_floor(double passed, double tokens) { return 2 * 4 * passed * tokens; }
inline double scan_floor(double passed, double tracked, double tokens, double documents, double queries) {
  return 4 * passed * tokens + 2 * tracked * queries * documents;
}

}  // namespace stemma
