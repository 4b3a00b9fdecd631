// Fitting EK-FAC (Grosse et al. 2023, section 3.1; Ruis et al. 2024 use the same): labels are sampled from the model, so
// that the curvature is the true Fisher's and not the empirical one's.
#include <chrono>

#include "runtime/influence/documents.h"
#include "runtime/influence/eigen.h"
#include "runtime/influence/factors.h"
#include "runtime/influence/tracked.h"
#include "runtime/influence/unfinished.h"
#include "runtime/model/hash.h"
#include "runtime/program.h"
#include "runtime/random.h"

namespace stemma {
namespace {

// One pass: forward, labels drawn from the model, backward of the summed loss; `tap` sees every tracked layer.
class SampledPasses {
 public:
  SampledPasses(const Model& model, const DocumentBatches& batches, uint64_t seed) : model_(model), batches_(batches), work_(model), random_(seed) {}

  using Visit = std::function<void(int, Linear, Tensor input, Tensor output_gradient, const Batch&)>;
  // From batch `first` on, with the labels that it has in a run from the start.
  void run(const std::string& stage, const Control& control, int64_t first, const Visit& visit,
           const DocumentBatches::After& after) {
    for (int64_t i = batches_.tokens_before(first); i-- > 0;) random_.bits();
    const auto pass = [&](const LabelledBatch& labelled, const std::vector<int32_t>&) {
      const Batch& batch = labelled.batch;
      std::vector<float> uniforms(batch.ids.size()), losses;
      for (float& u : uniforms) u = static_cast<float>(random_.uniform());
      const Tensor hidden = forward(work_, batch);
      if (top_.view().rows < batch.size()) top_ = Buffer(model_.ops, batch.size(), model_.config.width);
      const Tensor top = top_.view().slice(0, batch.size());
      loss(model_, hidden, labelled.targets, {.uniforms = uniforms.data()}, losses, top);
      const LinearTap tap = [&](int layer, Linear which, Tensor a, Tensor g) { visit(layer, which, a, g, batch); };
      backward(work_, batch, top, nullptr, &tap);
    };
    batches_.each(stage, control, pass, first, after);
  }

 private:
  const Model& model_;
  const DocumentBatches& batches_;
  Workspace work_;
  Buffer top_;
  Random random_;
};

std::vector<float> eigenbasis(const Buffer& sums, double count) {
  const int64_t n = sums.view().rows;
  std::vector<float> host(static_cast<size_t>(n * n));
  sums.download(host.data());
  std::vector<double> matrix(host.size());
  for (int64_t i = 0; i < n; ++i)
    for (int64_t j = i; j < n; ++j) matrix[i * n + j] = matrix[j * n + i] = double(host[i * n + j]) / count;
  return eigenvectors(std::move(matrix), n);
}

// Of everything that the numbers depend on.
std::string key_of(const Model& model, const DocumentBatches& batches, uint64_t seed) {
  Hasher hasher;
  for (const std::string& part : {std::string("fit"), program_version(), model.ops->device(), model.hash,
                                  batches.hash(), std::to_string(seed)})
    hasher.add(part + '\n');
  return hasher.hex();
}

// The sums of one fit, on the device, and where they are kept meanwhile.
class Fit {
 public:
  Fit(const Model& model, const DocumentBatches& batches, const FitOptions& options, const Control& control)
      : model_(model),
        batches_(batches),
        seed_(options.seed),
        control_(control),
        kept_(options.unfinished, options.unfinished.empty() ? "" : key_of(model, batches, options.seed), control,
              options.pause),
        a_sum_(tracked_count(model)),
        s_sum_(tracked_count(model)),
        q_a_(tracked_count(model)),
        q_s_(tracked_count(model)),
        lambda_(tracked_count(model)) {}

  Factors run() {
    const std::string stage = kept_.stage();
    const int64_t done = std::min(kept_.done(), batches_.batches());
    if (stage == second_stage) {
      restore_eigenbases();
      eigenvalues(done);
    } else {
      covariances(stage == first_stage ? done : 0);
      eigenbases();
      if (kept_.due()) keep_eigenvalues(0);
      eigenvalues(0);
    }
    finish();
    return std::move(factors_);
  }

 private:
  static constexpr const char *first_stage = "covariances", *second_stage = "eigenvalues";

  size_t layers() const { return tracked_count(model_); }
  size_t owner(size_t i) const { return owner_of_input(model_, i); }
  Buffer on_device(const std::vector<float>& values, int64_t rows, int64_t columns) const {
    Buffer buffer(model_.ops, rows, columns);
    buffer.upload(values.data());
    return buffer;
  }
  Buffer sums(bool restored, const std::string& name, int64_t rows, int64_t columns) const {
    if (restored) return on_device(kept_.part(name, static_cast<size_t>(rows * columns)), rows, columns);
    Buffer buffer(model_.ops, rows, columns);
    buffer.zero();
    return buffer;
  }
  void put(const UnfinishedWork::Put& put, const std::string& name, const Buffer& buffer) const {
    std::vector<float> host(static_cast<size_t>(buffer.view().size()));
    buffer.download(host.data());
    put(name, host);
  }

  // First pass: A = E[a a^T], S = E[g g^T], tokens as if independent (eq. 16).
  void covariances(int64_t first) {
    for (size_t i = 0; i < layers(); ++i) {
      const Tensor weight = tracked_weight(model_, i);
      const std::string number = std::to_string(i);
      if (owner(i) == i) a_sum_[i] = sums(first > 0, "a" + number, weight.columns, weight.columns);
      s_sum_[i] = sums(first > 0, "s" + number, weight.rows, weight.rows);
    }
    Ops& ops = *model_.ops;
    const auto visit = [&](int layer, Linear which, Tensor a, Tensor g, const Batch&) {
      const size_t i = tracked_index(model_, layer, which);
      if (a_sum_[i].view()) ops.gram(a, a_sum_[i]);
      ops.gram(g, s_sum_[i]);
    };
    SampledPasses(model_, batches_, seed_).run(first_stage, control_, first, visit, [&](int64_t done, bool stopping) {
      if (stopping || kept_.due()) keep_covariances(done);
    });
  }
  void keep_covariances(int64_t done) {
    kept_.keep(first_stage, done, [&](const UnfinishedWork::Put& to) {
      for (size_t i = 0; i < layers(); ++i) {
        if (a_sum_[i].view()) put(to, "a" + std::to_string(i), a_sum_[i]);
        put(to, "s" + std::to_string(i), s_sum_[i]);
      }
    });
  }

  // Eigenbases (eq. 18), in f64.
  void eigenbases() {
    const double count = static_cast<double>(batches_.tokens());
    for (size_t i = 0; i < layers(); ++i) {
      control_.say({"eigenbases", double(i), double(layers())});
      std::vector<float> q_a = owner(i) == i ? eigenbasis(a_sum_[i], count) : factors_.layers[owner(i)].q_a;
      a_sum_[i] = Buffer();
      add_layer(i, std::move(q_a), eigenbasis(s_sum_[i], count));
      s_sum_[i] = Buffer();
      lambda_[i] = sums(false, "", 1, tracked_weight(model_, i).size());
    }
  }
  void restore_eigenbases() {
    for (size_t i = 0; i < layers(); ++i) {
      const Tensor weight = tracked_weight(model_, i);
      const auto square = [](int64_t n) { return static_cast<size_t>(n * n); };
      const std::string number = std::to_string(i);
      add_layer(i, owner(i) == i ? kept_.part("a" + number, square(weight.columns)) : factors_.layers[owner(i)].q_a,
                kept_.part("s" + number, square(weight.rows)));
      lambda_[i] = sums(true, "lambda" + number, 1, weight.size());
    }
  }
  void add_layer(size_t i, std::vector<float> q_a, std::vector<float> q_s) {
    const Tensor weight = tracked_weight(model_, i);
    LayerFactors f;
    f.name = tracked_name(tracked_layer(model_, i), tracked_linear(model_, i));
    f.inputs = weight.columns;
    f.outputs = weight.rows;
    f.q_a = std::move(q_a);
    f.q_s = std::move(q_s);
    if (owner(i) == i) q_a_[i] = on_device(f.q_a, f.inputs, f.inputs);
    q_s_[i] = on_device(f.q_s, f.outputs, f.outputs);
    factors_.layers.push_back(std::move(f));
  }

  // Second pass, fresh labels: Lambda = E over documents of the squared gradient in the eigenbasis (eq. 20). Tokens are
  // rotated, then multiplied: for documents shorter than the layers are wide that is the cheaper order.
  void eigenvalues(int64_t first) {
    Ops& ops = *model_.ops;
    Buffer rotated_a, rotated_g;
    const auto room = [&](Buffer& buffer, int64_t size) {
      if (buffer.view().size() < size) buffer = Buffer(model_.ops, 1, size);
      return buffer.view().data;
    };
    const auto visit = [&](int layer, Linear which, Tensor a, Tensor g, const Batch& batch) {
      const size_t i = tracked_index(model_, layer, which);
      const Tensor ra{room(rotated_a, a.size()), a.rows, a.columns}, rg{room(rotated_g, g.size()), g.rows, g.columns};
      if (q_a_[i].view()) ops.matmul(a, false, q_a_[i], true, ra);  // else its owner, just before, has rotated it
      ops.matmul(g, false, q_s_[i], true, rg);
      ops.segment_squares(rg, ra, batch.segments, lambda_[i]);
    };
    SampledPasses(model_, batches_, seed_ + 0x5eed)
        .run(second_stage, control_, first, visit, [&](int64_t done, bool stopping) {
          if (stopping || kept_.due()) keep_eigenvalues(done);
        });
  }
  void keep_eigenvalues(int64_t done) {
    kept_.keep(second_stage, done, [&](const UnfinishedWork::Put& to) {
      for (size_t i = 0; i < layers(); ++i) {
        const std::string number = std::to_string(i);
        if (owner(i) == i) to("a" + number, factors_.layers[i].q_a);
        to("s" + number, factors_.layers[i].q_s);
        put(to, "lambda" + number, lambda_[i]);
      }
    });
  }

  void finish() {
    for (size_t i = 0; i < layers(); ++i) {
      LayerFactors& f = factors_.layers[i];
      f.lambda.resize(static_cast<size_t>(f.inputs * f.outputs));
      lambda_[i].download(f.lambda.data());
      double sum = 0;
      for (float& value : f.lambda) sum += value /= static_cast<float>(batches_.documents());
      f.damping = 0.1 * sum / static_cast<double>(f.lambda.size());
    }
    factors_.model_hash = model_.hash;
    factors_.program = program_version();
    factors_.device = model_.ops->device();
    factors_.documents = batches_.documents();
    factors_.tokens = batches_.tokens();
    factors_.seed = seed_;
    factors_.created = now_utc();
    factors_.seconds = kept_.seconds();
  }

  const Model& model_;
  const DocumentBatches& batches_;
  const uint64_t seed_;
  const Control& control_;
  UnfinishedWork kept_;
  std::vector<Buffer> a_sum_, s_sum_, q_a_, q_s_, lambda_;  // by tracked layer; an input's owner alone has its A
  Factors factors_;
};

}  // namespace

Factors fit_factors(const Model& model, const Corpus& corpus, const FitOptions& options, const Control& control) {
  const auto start = std::chrono::steady_clock::now();
  const DocumentBatches batches(model, corpus, options.batch_tokens, control);
  const double reading = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  Factors factors = fit_factors(model, batches, options, control);
  factors.corpus_hash = corpus.hash;
  factors.seconds += reading;
  return factors;
}

Factors fit_factors(const Model& model, const DocumentBatches& batches, const FitOptions& options, const Control& control) {
  return Fit(model, batches, options, control).run();
}

}  // namespace stemma
