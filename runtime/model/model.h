// A decoder's weights on a device.
//
// Letters as in kernels/ops.h: C width, H heads, G key/value heads, D head width, F mlp width, V vocabulary.
#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kernels/ops.h"
#include "runtime/model/config.h"
#include "runtime/model/tokenizer.h"

namespace stemma {

struct ChatTemplate;

// The linear layers of a block, in the order of their forward. Influence tracks all that a model has: plain MLPs have
// no gate.
enum class Linear { query, key, value, output, gate, up, down };
inline constexpr std::array linears = {Linear::query, Linear::key, Linear::value, Linear::output,
                                       Linear::gate,  Linear::up,  Linear::down};
inline constexpr std::array ungated_linears = {Linear::query,  Linear::key, Linear::value,
                                               Linear::output, Linear::up,  Linear::down};
inline std::span<const Linear> linears_of(const ModelConfig& config) {
  if (config.block.gated) return linears;
  return ungated_linears;
}

// What a family does not have is empty: biases, norms elsewhere than Llama's, the gate of a plain MLP.
struct Block {
  Tensor attention_norm, attention_norm_bias;  // (1,C)
  Tensor query;                                // (H*D, C)
  Tensor key, value;                           // (G*D, C)
  Tensor output;                               // (C, H*D)
  Tensor query_norm, key_norm;                 // (1,D) per head, or (1, H*D) and (1, G*D)
  Tensor attention_after;                      // (1,C)
  Tensor mlp_norm, mlp_norm_bias;              // (1,C)
  Tensor gate, up;                             // (F,C)
  Tensor down;                                 // (C,F)
  Tensor mlp_after;                            // (1,C)
  Tensor query_bias, key_bias, value_bias, output_bias, gate_bias, up_bias, down_bias;  // (1, outputs)

  Tensor linear(Linear which) const;  // no data where it is not kept in f32
  WeightMatrix matrix(Linear which) const { return matrices[static_cast<size_t>(which)]; }
  Tensor bias(Linear which) const;

  std::array<WeightMatrix, linears.size()> matrices;  // of `linears`, as they are kept
};

// Weights, their gradients and their moments all have this shape: views into one flat buffer. Matrices that are not
// kept in f32 lie apart; what differentiates or trains needs them all in f32.
struct Weights {
  Tensor embedding;  // (V,C)
  Tensor positions;  // (context, C) where they are learned
  std::vector<Block> blocks;
  Tensor final_norm, final_norm_bias;                 // (1,C)
  Tensor unembedding;                                 // (V,C); the embedding itself where tied
  WeightMatrix embedding_matrix, unembedding_matrix;  // as they are kept

  Weights() = default;
  // `types`: of each place of weight_layout(config); empty: all f32. Zeros.
  Weights(const ModelConfig& config, std::shared_ptr<Ops> ops, std::span<const WeightType> types = {});
  // Of weights in f32: the matrices of the linear layers and of the unembedding rounded to bf16, all else a view of
  // these, which outlive it. Without names.
  Weights rounded(std::shared_ptr<Ops> ops) const;

  struct Named {
    std::string name;     // as in a Hugging Face checkpoint: "model.layers.0.self_attn.q_proj.weight"
    Tensor tensor;        // no data where it is not kept in f32
    WeightMatrix matrix;  // as it is kept
    bool decays;          // matrices do, norms and biases do not
    float at_start;       // of what does not decay, in a new model
  };
  const std::vector<Named>& named() const { return named_; }
  const Buffer& flat() const { return flat_; }  // all that is kept in f32
  bool in_f32() const { return !stored_.view(); }
  // Of the keys and values of what was read, which a cache keeps.
  WeightType cache_type() const;

 private:
  Buffer flat_;
  BasicBuffer<std::byte> stored_;
  std::vector<Named> named_;
};

// How keys and values are kept beside weights of these types: in f32 beside f32, in bf16 beside bf16 as transformers
// computes them, else in f16 as llama.cpp does.
WeightType cache_type(std::span<const WeightType> weights);

struct Model {
  ModelConfig config;
  std::filesystem::path path;
  std::string name;    // the folder's, the file's, or "org/name" in a Hugging Face cache
  std::string commit;  // of that cache's snapshot; else empty
  std::string hash;    // of every weight and the config's shape
  std::shared_ptr<Ops> ops;
  Weights weights;
  Buffer rope;        // (context, D): cosines, then sines; for long texts of LongRoPE (context, D) more
  Buffer local_rope;  // the same for sliding layers that turn by angles of their own, else empty
  std::shared_ptr<const Tokenizer> tokenizer;
  std::shared_ptr<const ChatTemplate> chat;  // null: a base model, which goes on from a prompt as it is
  bool differentiates = false;               // to activations, though its weights are in bf16

  Heads heads(int layer) const {
    return {config.heads,
            config.key_value_heads,
            config.head_width,
            config.attention_scale,
            config.attention_cap,
            config.kind(layer).window,
            !weights.in_f32()};
  }
};

// The same with rounded weights (Weights::rounded), for passes that may be a little wrong: forward, and backward to
// activations. `model`, in f32, outlives it. Takes 2 bytes for each weight that is multiplied, and its rope tables'.
Model rounded(const Model& model);

// `named` as find_model takes it: a folder, a GGUF file or a name. Throws Error naming the file, the tensor and the
// remedy. The tokenizer must fit the embedding.
// automatic: matrices that are stored in a block format of kernels/weight_matrix.h stay so, all else becomes f32: the
// numbers are the same, and less memory passes for each token. bf16 and f16 are for matrices; vectors stay f32.
enum class Dtype { automatic, f32, bf16, f16 };
std::shared_ptr<const Model> load_model(const std::filesystem::path& named, std::shared_ptr<Ops> ops,
                                        Dtype dtype = Dtype::f32);
// config.json and model.safetensors; not of blocks.
void save_model(const Model& model, const std::filesystem::path& folder);
void make_rope_tables(Model& model);                                     // from its config, on its device
Buffer rope_table(const ModelConfig& config, std::shared_ptr<Ops> ops);  // of the layers that are not local
// Of the numbers, however they are kept.
std::string hash_of(const ModelConfig& config, const Weights& weights, Ops& ops);
// Throws Error where weights are kept otherwise: `what` needs them in f32.
void expect_f32(const Model& model, const std::string& what);

// "cpu", "cuda", "cuda:1" or "auto" (a GPU where there is one). Throws Error saying what is missing.
std::shared_ptr<Ops> open_device(const std::string& name);

}  // namespace stemma
