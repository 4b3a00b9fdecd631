#include "runtime/model/sites.h"

namespace stemma {
namespace {

struct Named {
  Hook hook;
  const char* name;
};

constexpr Named in_block[] = {
    {Hook::resid_pre, "hook_resid_pre"},
    {Hook::query, "attn.hook_q"},
    {Hook::rot_query, "attn.hook_rot_q"},
    {Hook::key, "attn.hook_k"},
    {Hook::rot_key, "attn.hook_rot_k"},
    {Hook::value, "attn.hook_v"},
    {Hook::z, "attn.hook_z"},
    {Hook::attn_out, "hook_attn_out"},
    {Hook::resid_mid, "hook_resid_mid"},
    {Hook::mlp_pre, "mlp.hook_pre"},
    {Hook::mlp_pre_linear, "mlp.hook_pre_linear"},
    {Hook::mlp_post, "mlp.hook_post"},
    {Hook::mlp_out, "hook_mlp_out"},
    {Hook::resid_post, "hook_resid_post"},
};

bool has(const ModelConfig& config, Site site) {
  switch (site.hook) {
    case Hook::rot_query:
    case Hook::rot_key:
      return config.kind(site.layer).rope != RopeUse::none;
    case Hook::resid_mid:
      return !config.block.parallel;
    case Hook::mlp_pre_linear:
      return config.block.gated;
    default:
      return true;
  }
}

}  // namespace

std::string name_of(Site site) {
  switch (site.hook) {
    case Hook::embed:
      return "hook_embed";
    case Hook::pos_embed:
      return "hook_pos_embed";
    case Hook::final_norm:
      return "ln_final.hook_normalized";
    default:
      break;
  }
  for (const Named& named : in_block)
    if (named.hook == site.hook) return "blocks." + std::to_string(site.layer) + "." + named.name;
  return {};
}

std::vector<Site> sites_of(const ModelConfig& config) {
  std::vector<Site> sites{{Hook::embed}};
  if (config.block.learned_positions) sites.push_back({Hook::pos_embed});
  for (int layer = 0; layer < config.layers; ++layer)
    for (const Named& named : in_block)
      if (has(config, {named.hook, layer})) sites.push_back({named.hook, layer});
  sites.push_back({Hook::final_norm});
  return sites;
}

std::vector<Site> residual_sites(const ModelConfig& config) {
  std::vector<Site> sites;
  for (int layer = 0; layer < config.layers; ++layer) sites.push_back({Hook::resid_post, layer});
  return sites;
}

int64_t width_of(const ModelConfig& config, Site site) {
  switch (site.hook) {
    case Hook::query:
    case Hook::rot_query:
    case Hook::z:
      return int64_t{config.heads} * config.head_width;
    case Hook::key:
    case Hook::rot_key:
    case Hook::value:
      return int64_t{config.key_value_heads} * config.head_width;
    case Hook::mlp_pre:
    case Hook::mlp_pre_linear:
    case Hook::mlp_post:
      return config.mlp_width;
    default:
      return config.width;
  }
}

}  // namespace stemma
