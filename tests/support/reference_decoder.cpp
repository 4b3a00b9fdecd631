#include "tests/support/reference_decoder.h"

namespace stemma::test {

ReferenceDecoder::ReferenceDecoder(const Model& model) : config(model.config) {
  for (const auto& named : model.weights.named()) weights[named.name] = from_device(*model.ops, named.tensor);
}

Matrix ReferenceDecoder::hidden(const Batch& batch) const {
  namespace ref = reference;
  const Heads heads{config.heads, config.key_value_heads, config.head_width};
  Matrix x = ref::embed(batch.ids, weights.at("model.embed_tokens.weight"));
  for (int i = 0; i < config.layers; ++i) {
    const auto weight = [&](const char* name) -> const Matrix& {
      return weights.at("model.layers." + std::to_string(i) + "." + name + ".weight");
    };
    const Matrix a = ref::rms_norm(x, weight("input_layernorm"), config.norm_epsilon);
    const auto turned = [&](const char* name) {
      return ref::rope(ref::linear(a, weight(name)), batch.positions, config.head_width, config.rope_theta);
    };
    const Matrix z = ref::attention(turned("self_attn.q_proj"), turned("self_attn.k_proj"),
                                    ref::linear(a, weight("self_attn.v_proj")), batch.segments, heads);
    x = ref::sum(x, ref::linear(z, weight("self_attn.o_proj")));
    const Matrix b = ref::rms_norm(x, weight("post_attention_layernorm"), config.norm_epsilon);
    const Matrix m = ref::swiglu(ref::linear(b, weight("mlp.gate_proj")), ref::linear(b, weight("mlp.up_proj")));
    x = ref::sum(x, ref::linear(m, weight("mlp.down_proj")));
  }
  return ref::rms_norm(x, weights.at("model.norm.weight"), config.norm_epsilon);
}

Matrix ReferenceDecoder::logits(const Batch& batch) const {
  return reference::linear(hidden(batch), weights.at(config.tied ? "model.embed_tokens.weight" : "lm_head.weight"));
}

double ReferenceDecoder::loss(const Batch& batch, const std::vector<int32_t>& targets) const {
  double total = 0;
  for (const double nats : reference::cross_entropy(logits(batch), targets)) total += nats;
  return total;
}

}  // namespace stemma::test
