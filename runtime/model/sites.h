// The places of the forward pass that a tap may look at, under TransformerLens names.
//
// Letters as in model.h. Names and forms are those of HookedTransformer with its weights as the checkpoint has them:
//   hook_embed                    (N,C)    token embeddings, scaled where the family scales them, without positions
//   hook_pos_embed                (N,C)    learned positions, where the family has them
//   blocks.i.hook_resid_pre       (N,C)
//   blocks.i.attn.hook_q, hook_k  (N,H*D), (N,G*D)  as projected (with bias, clipped where the family clips), before
//                                          their norm and their turn
//   blocks.i.attn.hook_v          (N,G*D)
//   blocks.i.attn.hook_rot_q, _k  as above, after norm and turn: what is multiplied; only of layers that turn
//   blocks.i.attn.hook_z          (N,H*D)  heads' mixtures of values, before the output projection
//   blocks.i.hook_attn_out        (N,C)    what is added to the residual, so after the norm behind a branch
//   blocks.i.hook_resid_mid       (N,C)    not of parallel blocks, which have no middle
//   blocks.i.mlp.hook_pre         (N,F)    what the activation reads: the gate's output where there is a gate
//   blocks.i.mlp.hook_pre_linear  (N,F)    what the activated gate is multiplied with; only of gated MLPs
//   blocks.i.mlp.hook_post        (N,F)    what the down projection reads
//   blocks.i.hook_mlp_out         (N,C)    as hook_attn_out
//   blocks.i.hook_resid_post      (N,C)
//   ln_final.hook_normalized      (N,C)    the final norm's output with its weight: what the unembedding reads
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/model/config.h"

namespace stemma {

enum class Hook {
  embed,
  pos_embed,
  resid_pre,
  query,
  key,
  value,
  rot_query,
  rot_key,
  z,
  attn_out,
  resid_mid,
  mlp_pre,
  mlp_pre_linear,
  mlp_post,
  mlp_out,
  resid_post,
  final_norm
};

struct Site {
  Hook hook;
  int layer = 0;  // 0 outside the blocks

  bool operator==(const Site&) const = default;
};

std::string name_of(Site site);  // "blocks.3.hook_resid_post"
// All that a model of this family has, in the order in which a forward comes to them.
std::vector<Site> sites_of(const ModelConfig& config);
std::vector<Site> residual_sites(const ModelConfig& config);  // every hook_resid_post
int64_t width_of(const ModelConfig& config, Site site);       // numbers for each token

}  // namespace stemma
