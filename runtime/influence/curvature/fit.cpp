// Fitting EK-FAC (Grosse et al. 2023, section 3.1; Ruis et al. 2024 use the same): labels are sampled from the model,
// so that the curvature is the true Fisher's and not the empirical one's.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "runtime/clock.h"
#include "runtime/influence/curvature/blocks.h"
#include "runtime/influence/curvature/eigenbases.h"
#include "runtime/influence/curvature/factors.h"
#include "runtime/influence/curvature/sampled_passes.h"
#include "runtime/influence/curvature/shard_sums.h"
#include "runtime/influence/documents.h"
#include "runtime/influence/tracked.h"
#include "runtime/influence/unfinished.h"
#include "runtime/model/files/hash.h"
#include "runtime/program.h"

namespace stemma {
namespace {

// Of everything that the numbers depend on.
std::string key_of(const Model& model, const DocumentBatches& batches, const FitOptions& options) {
  Hasher hasher;
  for (const std::string& part :
       {std::string("fit by shards"), program_version(), model.ops->device(), model.hash, batches.hash(),
        std::to_string(shard_batches(batches)), std::to_string(options.seed), options.choice.pattern,
        std::to_string(options.choice.blocks)})
    hasher.add(part + '\n');
  return hasher.hex();
}

// The sums of one fit, on the device, and where they are kept meanwhile.
class Fit {
 public:
  Fit(const Model& model, const DocumentBatches& batches, const FitOptions& options, const Control& control)
      : model_(model),
        batches_(batches),
        options_(options),
        control_(control),
        ranks_(options.ranks ? *options.ranks : alone_),
        kept_(ranks_.leads() ? options.unfinished : "",
              options.unfinished.empty() && ranks_.alone() ? "" : key_of(model, batches, options), control,
              options.pause),
        passes_(model, batches),
        columns_(model.ops),
        sums_(model.ops, ranks_),
        place_(tracked_count(model), -1) {
    for (const size_t index : chosen_layers(model, options.choice.pattern)) add_layer(index);
  }

  Factors run() {
    const int64_t shards = batches_.shards(shard_batches(batches_));
    const int64_t done = std::min(kept_.done(), shards);
    const bool second = kept_.stage() == second_stage;
    covariances(second ? shards : kept_.stage() == first_stage ? done : 0, second);
    eigenbases(second);
    if (!second && kept_.due()) keep_eigenvalues(0);
    eigenvalues(second ? done : 0);
    finish();
    return std::move(factors_);
  }

 private:
  static constexpr const char *first_stage = "covariances", *second_stage = "eigenvalues";

  struct Layer {
    Tensor weight;    // (P, M)
    size_t owner;     // of its input: the first chosen layer that reads the same
    size_t a, s;      // numbers of its sums
    Buffer q_a, q_s;  // on the device; an input's owner alone has its A; Q_S^T where gradients are turned
  };

  void add_layer(size_t index) {
    const Tensor weight = tracked_weight(model_, index);
    const size_t i = layers_.size();
    LayerFactors f;
    f.name = tracked_name(tracked_layer(model_, index), tracked_linear(model_, index));
    f.inputs = weight.columns;
    f.outputs = weight.rows;
    for (const int64_t side : {f.inputs, f.outputs})
      if (options_.choice.blocks < 1 || side % options_.choice.blocks != 0)
        throw Error(ErrorCode::usage, fmt::format("--blocks {}: {} is {} wide, which that does not divide; try fewer",
                                                  options_.choice.blocks, f.name, side));
    const int first = place_[owner_of_input(model_, index)];
    size_t owner = first < 0 ? i : static_cast<size_t>(first);
    for (size_t j = 0; j < i && first < 0; ++j)
      if (owner_of_input(model_, indices_[j]) == owner_of_input(model_, index)) owner = layers_[j].owner;
    layers_.push_back({weight, owner, 0, 0, {}, {}});
    factors_.layers.push_back(std::move(f));
    place_[index] = static_cast<int>(i);
    indices_.push_back(index);
  }

  bool owns(size_t i) const { return layers_[i].owner == i; }
  int64_t width(int64_t side) const { return side / options_.choice.blocks; }
  std::vector<float> kept_part(bool restored, const std::string& name, int64_t numbers) const {
    return restored ? kept_.part(name, static_cast<size_t>(numbers)) : std::vector<float>();
  }

  // Both passes: `visit` sees the chosen layers, and adds to the parts of sums_.
  using Visit = std::function<void(size_t i, Tensor input, Tensor output_gradient, const Batch&)>;
  void pass(const std::string& stage, uint64_t seed, int64_t first, const Visit& visit,
            const std::function<void(int64_t)>& keep) {
    passes_.start(seed);
    batches_.each(ranks_,
                  {.stage = stage,
                   .key = kept_.key(),
                   .shard = shard_batches(batches_),
                   .first = first,
                   .ahead = shards_ahead(ranks_),
                   .visit =
                       [&](int64_t number, const LabelledBatch& labelled, const auto&, const auto& listen) {
                         passes_.run(number, labelled, [&](int layer, Linear which, Tensor a, Tensor g) {
                           listen();
                           const int i = place_[tracked_index(model_, layer, which)];
                           if (i >= 0) visit(static_cast<size_t>(i), a, g, labelled.batch);
                         });
                       },
                   .made = [&] { return sums_.made(); },
                   .take = [&](int64_t, std::vector<float>& made) { sums_.take(made); },
                   .after =
                       [&](int64_t taken, bool stopping) {
                         if (stopping || kept_.due()) keep(taken);
                       }},
                  control_);
    sums_.end_parts();
  }

  // First pass: A = E[a a^T], S = E[g g^T], tokens as if independent (eq. 16). Where its bases are known already
  // (`over`) rank 0 has no more of it to hand out.
  void covariances(int64_t first, bool over) {
    for (size_t i = 0; i < layers_.size() && !over; ++i) {
      Layer& layer = layers_[i];
      const std::string number = std::to_string(i);
      const auto add = [&](const std::string& name, int64_t side) {
        sums_.add(side, width(side), kept_part(first > 0, name + number, side * width(side)));
        return sums_.size() - 1;
      };
      if (owns(i)) layer.a = add("a", layer.weight.columns);
      layer.s = add("s", layer.weight.rows);
    }
    const auto visit = [&](size_t i, Tensor a, Tensor g, const Batch&) {
      if (owns(i)) columns_.gram(a, sums_.part(layers_[i].a));
      columns_.gram(g, sums_.part(layers_[i].s));
    };
    pass(first_stage, options_.seed, first, visit, [&](int64_t taken) { keep_covariances(taken); });
  }
  void keep_covariances(int64_t taken) {
    kept_.keep(first_stage, taken, [&](const UnfinishedWork::Put& put) {
      for (size_t i = 0; i < layers_.size(); ++i) {
        if (owns(i)) put("a" + std::to_string(i), sums_.total(layers_[i].a));
        put("s" + std::to_string(i), sums_.total(layers_[i].s));
      }
    });
  }

  // Eigenbases (eq. 18); those of an earlier run where `restored`, which rank 0 alone knows.
  void eigenbases(bool restored) {
    std::vector<SideBasis> sides;
    for (size_t i = 0; i < layers_.size(); ++i) {
      LayerFactors& f = factors_.layers[i];
      const auto add = [&](size_t sum, int64_t side, const char* name, std::vector<float>& vectors) {
        vectors = kept_part(restored, name + std::to_string(i), side * width(side));
        sides.push_back({sum, side, width(side), &vectors});
      };
      if (owns(i)) add(layers_[i].a, f.inputs, "a", f.q_a);
      add(layers_[i].s, f.outputs, "s", f.q_s);
    }
    find_eigenbases(sides, sums_, *model_.ops, {kept_.key(), batches_.tokens(), restored, options_.trial}, ranks_,
                    control_);
    for (size_t i = 0; i < layers_.size(); ++i) {
      Layer& layer = layers_[i];
      LayerFactors& f = factors_.layers[i];
      if (!owns(i)) f.q_a = factors_.layers[layer.owner].q_a;
      const auto on_device = [&](const std::vector<float>& vectors, int64_t side) {
        Buffer buffer(model_.ops, side, width(side));
        buffer.upload(vectors.data());
        return buffer;
      };
      if (owns(i)) layer.q_a = on_device(f.q_a, f.inputs);
      const bool tokens = tokens_first(batches_, f.inputs, f.outputs);
      layer.q_s = on_device(tokens ? f.q_s : transposed_blocks(f.q_s, f.outputs), f.outputs);
    }
    sums_ = ShardSums(model_.ops, ranks_);
    for (size_t i = 0; i < layers_.size(); ++i) {
      const int64_t numbers = layers_[i].weight.size();
      sums_.add(1, numbers, kept_part(restored, "lambda" + std::to_string(i), numbers));
    }
  }

  // Second pass, fresh labels: Lambda = E over documents of the squared gradient in the eigenbasis (eq. 20). The tokens
  // are turned into it, then multiplied; or the documents' gradients are, where documents are longer than layers are
  // wide.
  void eigenvalues(int64_t first) {
    Ops& ops = *model_.ops;
    Buffer turned_a, turned_g;
    const auto room = [&](Buffer& buffer, int64_t rows, int64_t columns) {
      if (buffer.view().size() < rows * columns) buffer = Buffer(model_.ops, 1, rows * columns);
      return Tensor{buffer.view().data, rows, columns};
    };
    constexpr size_t nobody = -1;
    size_t turned = nobody;  // owner of the input that turned_a holds: the others who read it come right after
    const auto visit = [&](size_t i, Tensor a, Tensor g, const Batch& batch) {
      const Layer& layer = layers_[i];
      const Tensor q_a = layers_[layer.owner].q_a;
      if (tokens_first(batches_, a.columns, g.columns)) {
        const Tensor ta = room(turned_a, a.rows, a.columns), tg = room(turned_g, g.rows, g.columns);
        if (owns(i) || turned != layer.owner) columns_.turn(a, q_a, false, ta);
        turned = layer.owner;
        columns_.turn(g, layer.q_s, false, tg);
        ops.segment_squares(tg, ta, batch.segments, sums_.part(i));
        return;
      }
      turned = nobody;
      const Tensor gradient = room(turned_g, g.columns, a.columns), half = room(turned_a, g.columns, a.columns);
      for (const Segment& document : batch.segments) {
        ops.segment_outer(g, a, {&document, 1}, {gradient.data, 1, gradient.size()});
        columns_.turn(gradient, q_a, false, half);
        add_turned_squares(ops, layer.q_s, half, sums_.part(i));
      }
    };
    pass(second_stage, options_.seed + 0x5eed, first, visit, [&](int64_t taken) { keep_eigenvalues(taken); });
  }
  void keep_eigenvalues(int64_t taken) {
    kept_.keep(second_stage, taken, [&](const UnfinishedWork::Put& put) {
      for (size_t i = 0; i < layers_.size(); ++i) {
        const std::string number = std::to_string(i);
        if (owns(i)) put("a" + number, factors_.layers[i].q_a);
        put("s" + number, factors_.layers[i].q_s);
        put("lambda" + number, sums_.total(i));
      }
    });
  }

  void finish() {
    for (size_t i = 0; i < layers_.size(); ++i) {
      LayerFactors& f = factors_.layers[i];
      if (ranks_.leads()) f.lambda = sums_.total(i);
      ranks_.share(f.lambda, control_);
      double sum = 0;
      for (float& value : f.lambda) sum += value /= static_cast<float>(batches_.documents());
      f.damping = 0.1 * sum / static_cast<double>(f.lambda.size());
    }
    factors_.model_hash = model_.hash;
    factors_.program = program_version();
    factors_.device = model_.ops->device();
    factors_.choice = options_.choice;
    factors_.documents = batches_.documents();
    factors_.tokens = batches_.tokens();
    factors_.seed = options_.seed;
    factors_.created = now_utc();
    factors_.seconds = kept_.seconds();
  }

  const Model& model_;
  const DocumentBatches& batches_;
  const FitOptions& options_;
  const Control& control_;
  Ranks alone_;
  Ranks& ranks_;
  UnfinishedWork kept_;
  SampledPasses passes_;  // both, which so touch their memory once
  ColumnBlocks columns_;
  ShardSums sums_;
  std::vector<int> place_;  // of each tracked layer among the chosen ones; -1: not chosen
  std::vector<size_t> indices_;
  std::vector<Layer> layers_;
  Factors factors_;  // layers as layers_
};

}  // namespace

// Few enough that a shard's sums, which other ranks send, cost little beside its passes; enough to share evenly.
int64_t shard_batches(const DocumentBatches& batches) { return std::clamp<int64_t>(batches.batches() / 32, 1, 8); }
int64_t shards_ahead(const Ranks& ranks) { return 2 * ranks.size(); }

bool tokens_first(const DocumentBatches& batches, int64_t inputs, int64_t outputs) {
  return tokens_first(
      static_cast<double>(batches.tokens()) / static_cast<double>(std::max<int64_t>(1, batches.documents())), inputs,
      outputs);
}

bool tokens_first(double tokens, int64_t inputs, int64_t outputs) {
  const auto m = static_cast<double>(inputs), p = static_cast<double>(outputs);
  return tokens * (m * m + p * p) < m * p * (m + p);
}

Factors fit_factors(const Model& model, const Corpus& corpus, const FitOptions& options, const Control& control) {
  const auto start = Clock::now();
  const DocumentBatches batches(model, corpus, options.batch_tokens, control);
  const double reading = seconds_since(start);
  Factors factors = fit_factors(model, batches, options, control);
  factors.corpus_hash = corpus.hash;
  factors.seconds += reading;
  return factors;
}

Factors fit_factors(const Model& model, const DocumentBatches& batches, const FitOptions& options,
                    const Control& control) {
  return Fit(model, batches, options, control).run();
}

}  // namespace stemma
