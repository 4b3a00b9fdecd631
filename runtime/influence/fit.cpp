// Fitting EK-FAC (Grosse et al. 2023, section 3.1; Ruis et al. 2024 use the same): labels are sampled from the model, so
// that the curvature is the true Fisher's and not the empirical one's.
#include <chrono>

#include "runtime/influence/documents.h"
#include "runtime/influence/eigen.h"
#include "runtime/influence/factors.h"
#include "runtime/influence/tracked.h"
#include "runtime/program.h"
#include "runtime/random.h"

namespace stemma {
namespace {

// One pass: forward, labels drawn from the model, backward of the summed loss; `tap` sees every tracked layer.
class SampledPasses {
 public:
  SampledPasses(const Model& model, const DocumentBatches& batches, uint64_t seed) : model_(model), batches_(batches), work_(model), random_(seed) {}

  using Visit = std::function<void(int, Linear, Tensor input, Tensor output_gradient, const Batch&)>;
  void run(const std::string& stage, const Control& control, const Visit& visit) {
    batches_.each(stage, control, [&](const LabelledBatch& labelled, const std::vector<int32_t>&) {
      const Batch& batch = labelled.batch;
      std::vector<float> uniforms(batch.ids.size()), losses;
      for (float& u : uniforms) u = static_cast<float>(random_.uniform());
      const Tensor hidden = forward(work_, batch);
      if (top_.view().rows < batch.size()) top_ = Buffer(model_.ops, batch.size(), model_.config.width);
      const Tensor top = top_.view().slice(0, batch.size());
      loss(model_, hidden, labelled.targets, {.uniforms = uniforms.data()}, losses, top);
      const LinearTap tap = [&](int layer, Linear which, Tensor a, Tensor g) { visit(layer, which, a, g, batch); };
      backward(work_, batch, top, nullptr, &tap);
    });
  }

 private:
  const Model& model_;
  const DocumentBatches& batches_;
  Workspace work_;
  Buffer top_;
  Random random_;
};

// q, k and v read one input, gate and up another: their A is one matrix.
Linear owner_of_input(const Model& model, Linear which) {
  if (which == Linear::key || which == Linear::value) return Linear::query;
  return which == Linear::up && model.config.block.gated ? Linear::gate : which;
}

std::vector<float> eigenbasis(const Buffer& sums, double count) {
  const int64_t n = sums.view().rows;
  std::vector<float> host(static_cast<size_t>(n * n));
  sums.download(host.data());
  std::vector<double> matrix(host.size());
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = i; j < n; ++j) matrix[i * n + j] = matrix[j * n + i] = double(host[i * n + j]) / count;
  return eigenvectors(std::move(matrix), n);
}

}  // namespace

Factors fit_factors(const Model& model, const Corpus& corpus, const FitOptions& options, const Control& control) {
  const auto start = std::chrono::steady_clock::now();
  Factors factors = fit_factors(model, DocumentBatches(model, corpus, options.batch_tokens, control), options, control);
  factors.corpus_hash = corpus.hash;
  factors.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return factors;
}

Factors fit_factors(const Model& model, const DocumentBatches& batches, const FitOptions& options, const Control& control) {
  const auto start = std::chrono::steady_clock::now();
  Ops& ops = *model.ops;
  const size_t layers = tracked_count(model);
  const auto zeroed = [&](int64_t rows, int64_t columns) {
    Buffer buffer(model.ops, rows, columns);
    buffer.zero();
    return buffer;
  };

  // First pass: A = E[a a^T], S = E[g g^T], tokens as if independent (eq. 16).
  std::vector<Buffer> a_sum(layers), s_sum(layers);
  for (size_t i = 0; i < layers; ++i) {
    const Tensor weight = tracked_weight(model, i);
    if (owner_of_input(model, tracked_linear(model, i)) == tracked_linear(model, i)) a_sum[i] = zeroed(weight.columns, weight.columns);
    s_sum[i] = zeroed(weight.rows, weight.rows);
  }
  SampledPasses(model, batches, options.seed).run("covariances", control, [&](int layer, Linear which, Tensor a, Tensor g, const Batch&) {
    const size_t i = tracked_index(model, layer, which);
    if (a_sum[i].view()) ops.gram(a, a_sum[i]);
    ops.gram(g, s_sum[i]);
  });

  // Eigenbases (eq. 18), in f64.
  Factors factors;
  std::vector<Buffer> q_a(layers), q_s(layers), lambda(layers);
  const double count = static_cast<double>(batches.tokens());
  for (size_t i = 0; i < layers; ++i) {
    control.say({"eigenbases", double(i), double(layers)});
    const int layer = tracked_layer(model, i);
    const Linear which = tracked_linear(model, i);
    const size_t owner = tracked_index(model, layer, owner_of_input(model, which));
    const Tensor weight = tracked_weight(model, i);
    LayerFactors f;
    f.name = tracked_name(layer, which);
    f.inputs = weight.columns;
    f.outputs = weight.rows;
    f.q_a = owner == i ? eigenbasis(a_sum[i], count) : factors.layers[owner].q_a;
    f.q_s = eigenbasis(s_sum[i], count);
    a_sum[i] = Buffer();
    s_sum[i] = Buffer();
    if (owner == i) {
      q_a[i] = Buffer(model.ops, f.inputs, f.inputs);
      q_a[i].upload(f.q_a.data());
    }
    q_s[i] = Buffer(model.ops, f.outputs, f.outputs);
    q_s[i].upload(f.q_s.data());
    lambda[i] = zeroed(1, f.inputs * f.outputs);
    factors.layers.push_back(std::move(f));
  }

  // Second pass, fresh labels: Lambda = E over documents of the squared gradient in the eigenbasis (eq. 20). Tokens are
  // rotated, then multiplied: for documents shorter than the layers are wide that is the cheaper order.
  Buffer rotated_a, rotated_g;
  const auto room = [&](Buffer& buffer, int64_t size) {
    if (buffer.view().size() < size) buffer = Buffer(model.ops, 1, size);
    return buffer.view().data;
  };
  SampledPasses(model, batches, options.seed + 0x5eed).run("eigenvalues", control, [&](int layer, Linear which, Tensor a, Tensor g, const Batch& batch) {
    const size_t i = tracked_index(model, layer, which);
    const Tensor ra{room(rotated_a, a.size()), a.rows, a.columns}, rg{room(rotated_g, g.size()), g.rows, g.columns};
    if (q_a[i].view()) ops.matmul(a, false, q_a[i], true, ra);  // else its owner, just before, has rotated it
    ops.matmul(g, false, q_s[i], true, rg);
    ops.segment_squares(rg, ra, batch.segments, lambda[i]);
  });
  for (size_t i = 0; i < layers; ++i) {
    LayerFactors& f = factors.layers[i];
    f.lambda.resize(static_cast<size_t>(f.inputs * f.outputs));
    lambda[i].download(f.lambda.data());
    double sum = 0;
    for (float& value : f.lambda) sum += value /= static_cast<float>(batches.documents());
    f.damping = 0.1 * sum / static_cast<double>(f.lambda.size());
  }
  factors.model_hash = model.hash;
  factors.program = program_version();
  factors.device = ops.device();
  factors.documents = batches.documents();
  factors.tokens = batches.tokens();
  factors.seed = options.seed;
  factors.created = now_utc();
  factors.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return factors;
}

}  // namespace stemma
