// The one forward pass, the one backward pass, both with taps, and the one pass of tangents of every decoder.
//
// Documents are packed: N tokens of several segments in one batch, attention kept inside each segment.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "runtime/model/model.h"
#include "runtime/model/sites.h"

namespace stemma {

struct Batch {
  std::vector<int32_t> ids;        // (N)
  std::vector<int32_t> positions;  // (N)
  std::vector<Segment> segments;

  void add(const std::vector<int32_t>& document);  // as one segment, positions from 0
  int64_t size() const { return static_cast<int64_t>(ids.size()); }
};

// Asked whether a value is wanted, shown it once it is there. The tensor (N, width_of the site) is valid during the call.
struct Taps {
  std::function<bool(Site)> wants;
  std::function<void(Site, Tensor)> observe;
};

// Keys and values of the tokens so far, for one sequence, of the type that Weights::cache_type says.
struct KeyValueCache {
  KeyValueCache(const Model& model, int64_t capacity);
  void begin_as(const KeyValueCache& other, int64_t tokens);  // with the first `tokens` of another's
  std::vector<MatrixBuffer> keys, values;  // per layer (capacity, G*D)
  std::vector<int32_t> ids;                // of the tokens so far
  bool long_text = false;                  // keys were turned by LongRoPE's second factors
  int64_t length = 0;
};

// The values of one forward, reused from batch to batch without new memory when it fits: of every block, as its backward
// needs them, or of the block in hand, for those who only go forward: they stay in the caches from block to block.
enum class Keep { every_block, one_block };
class Workspace {
 public:
  explicit Workspace(const Model& model, Keep keep = Keep::every_block) : model_(model), keep_(keep) {}
  const Model& model() const { return model_; }

  // What a family's blocks do not have is empty. A norm's statistics: (N,1) or, of a layer norm, (N,2).
  struct BlockValues {
    Buffer attention_in, attention_scale, query, key, value, log_sum, attended, middle, mlp_in, mlp_scale, gate, up,
        activated;
    Buffer projected_query, projected_key;  // before their norm, or after clipping: what is turned is a copy
    Buffer query_scale, key_scale;          // of their norm: (N,H) and (N,G), or (N,1)
    Buffer attention_out, attention_out_scale, mlp_out, mlp_out_scale;  // (N,C) before the norm after a branch
  };
  // Makes room for `tokens` rows, for the backward's gradients, or for tangents, too if asked.
  void reserve(int64_t tokens, bool gradients);
  size_t bytes() const;  // reserved

  IdBuffer ids, positions;
  IdBuffer angles;               // rows of the rope tables, where they are not the positions
  BlockValues& block(int layer) { return blocks_[keep_ == Keep::one_block ? 0 : static_cast<size_t>(layer)]; }
  const BlockValues& block(int layer) const { return const_cast<Workspace*>(this)->block(layer); }
  // (N,C) before block `layer`; of the number of layers: the final one.
  Buffer& residual(int layer) { return residual_[static_cast<size_t>(keep_ == Keep::one_block ? layer % 2 : layer)]; }
  int64_t rows() const { return capacity_; }  // that there is room for
  Buffer hidden, hidden_scale;  // final norm's output (N,C), what the unembedding reads
  Buffer residual_gradient, width_gradient, query_gradient, key_gradient, value_gradient, attended_gradient,
      gate_gradient, up_gradient, projected_query_gradient, projected_key_gradient;

 private:
  const Model& model_;
  Keep keep_;
  std::vector<Buffer> residual_;
  std::vector<BlockValues> blocks_;
  int64_t capacity_ = 0, gradient_capacity_ = 0;
};

// Runs the decoder over the batch; returns hidden (N,C), the final norm's output, a view into the workspace.
// With caches segment i continues caches[i], a sequence of its own, and so do its positions. A text that outgrows
// LongRoPE's first factors is computed anew.
Tensor forward(Workspace& workspace, const Batch& batch, std::span<KeyValueCache* const> caches,
               const Taps* taps = nullptr);
// With one cache, or none.
Tensor forward(Workspace& workspace, const Batch& batch, KeyValueCache* cache = nullptr, const Taps* taps = nullptr);

// The logits (n,V) of rows of hidden (n,C).
void logits(const Model& model, Tensor hidden, Tensor out);

// Sees each linear layer's input a (N, in) and output gradient g (N, out) as the backward comes to it: the parameter
// gradient of a segment is g^T a over its rows. Layers come last block first.
using LinearTap = std::function<void(int layer, Linear which, Tensor input, Tensor output_gradient)>;

// From the gradient of hidden (N,C) down to the embedding. Adds parameter gradients to `gradients` where given; without
// it only activations are differentiated, and the pass ends at the first block's linears. Weights in f32, or, for
// activations, those of rounded().
void backward(Workspace& workspace, const Batch& batch, Tensor hidden_gradient, Weights* gradients,
              const LinearTap* tap);

// Where the weights of the blocks' linear layers move: V (outputs, inputs), or empty where one stays.
using WeightDirection = std::function<Tensor(int layer, Linear which)>;

// Forward mode along it (Pearlmutter 1994): the tangent of hidden (N,C), d/de of it with weights W + e V. The workspace
// holds every block of a forward of the batch without a cache, so that many directions share one; the tangents lie
// where a backward's gradients do, and the result is valid until the next.
Tensor tangent(Workspace& workspace, const Batch& batch, const WeightDirection& direction);

// What to do at the top: -log p of each row's target under softmax(hidden W^T), in chunks that never hold N x V.
struct LossOptions {
  float weight = 1;                 // the gradient is of weight * sum over targets of -log p
  const float* uniforms = nullptr;  // (N) host: draw targets from the model itself where targets[n] != -1
};
int64_t logits_at_once(const Model& model, int64_t rows);  // rows of a chunk
// targets (N) host, -1 = none. losses (N) host, nats. hidden_gradient (N,C) and unembedding_gradient (V,C, +=) where
// given.
void loss(const Model& model, Tensor hidden, const std::vector<int32_t>& targets, const LossOptions& options,
          std::vector<float>& losses, Tensor hidden_gradient = {}, Tensor unembedding_gradient = {});

}  // namespace stemma
