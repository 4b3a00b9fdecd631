// A family's norm, forward, back, and along a direction. Internal to runtime/model.
#pragma once

#include "runtime/model/model.h"

namespace stemma {

// y = norm(x); statistics are kept for the backward.
inline void normalise(const Model& model, Tensor x, Tensor weight, Tensor bias, Tensor y, Tensor statistics) {
  if (model.config.block.norm == NormKind::layer)
    model.ops->layer_norm(x, weight, bias, model.config.norm_epsilon, y, statistics);
  else
    model.ops->rms_norm(x, weight, model.config.norm_epsilon, y, statistics);
}

// x_gradient is added to; the parameters' where they are given.
inline void normalise_backward(const Model& model, Tensor x, Tensor weight, Tensor statistics, Tensor y_gradient,
                               Tensor x_gradient, Tensor weight_gradient, Tensor bias_gradient) {
  if (model.config.block.norm == NormKind::layer)
    model.ops->layer_norm_backward(x, weight, statistics, y_gradient, x_gradient, weight_gradient, bias_gradient);
  else
    model.ops->rms_norm_backward(x, weight, statistics, y_gradient, x_gradient, weight_gradient);
}

inline void normalise_tangent(const Model& model, Tensor x, Tensor weight, Tensor statistics, Tensor x_tangent,
                              Tensor y_tangent) {
  if (model.config.block.norm == NormKind::layer)
    model.ops->layer_norm_tangent(x, weight, statistics, x_tangent, y_tangent);
  else
    model.ops->rms_norm_tangent(x, weight, statistics, x_tangent, y_tangent);
}

// Rows of single heads where queries and keys have their norm per head, else x itself.
inline Tensor norm_rows(const ModelConfig& config, Tensor x) {
  if (config.block.query_norm != QueryNorm::per_head) return x;
  return {x.data, x.rows * (x.columns / config.head_width), config.head_width};
}

// The table that a layer's queries and keys are turned by; empty where they are not.
inline Tensor rope_of(const Model& model, int layer) {
  switch (model.config.kind(layer).rope) {
    case RopeUse::none:
      return {};
    case RopeUse::global:
      return model.rope;
    case RopeUse::local:
      return model.local_rope;
  }
  return {};
}

inline Gelu gelu_of(const BlockDesign& block) {
  return block.activation == Activation::gelu ? Gelu::exact : Gelu::tanh;
}

}  // namespace stemma
