// Where the maps' residual streams come from: the recording, or the model once more.
#include <algorithm>

#include "runtime/error.h"
#include "runtime/session/activation_reader.h"
#include "runtime/trace/activation_summary.h"
#include "runtime/trace/replay.h"

namespace stemma {
namespace {

constexpr int64_t block_tokens = 64;
constexpr ActivationQuantity quantities[] = {ActivationQuantity::norm, ActivationQuantity::change,
                                             ActivationQuantity::cosine};

std::string layer_of(const std::string& site) {  // "blocks.3.hook_resid_post" -> "3"
  constexpr std::string_view head = "blocks.";
  if (!site.starts_with(head)) return site;
  return site.substr(head.size(), site.find('.', head.size()) - head.size());
}

// Names sort "blocks.10" before "blocks.2"; layers do not.
std::vector<std::string> layers_among(std::vector<std::string> sites) {
  std::erase_if(sites, [](const std::string& site) { return !site.ends_with(".hook_resid_post"); });
  const auto key = [](const std::string& site) { return std::make_pair(layer_of(site).size(), layer_of(site)); };
  std::stable_sort(sites.begin(), sites.end(),
                   [&](const std::string& a, const std::string& b) { return key(a) < key(b); });
  return sites;
}

}  // namespace

ActivationMap recorded_map(const std::filesystem::path& session, const Trace& trace,
                           const std::vector<std::string>& all_sites, ActivationQuantity quantity) {
  const std::vector<std::string> sites = layers_among(all_sites);
  if (sites.empty())
    throw Error(ErrorCode::not_found,
                "trace " + trace.id + ": no recorded residual streams; generate it again with --capture residual");
  std::vector<ActivationReader> readers;
  std::vector<std::string> names;
  for (const std::string& site : sites) {
    const ActivationReader& reader = readers.emplace_back(session, trace.id, site);
    names.push_back(layer_of(site));
    if (reader.tokens() != readers.front().tokens() || reader.width() != readers.front().width() ||
        reader.width() <= 0 || reader.tokens() > trace.size())
      throw Error(ErrorCode::bad_file, "trace " + trace.id + ": the recording " + site +
                                           " does not fit the trace or the other layers; the activations file is "
                                           "damaged, generate the trace again");
  }
  ActivationMapBuilder builder(trace, names, quantity,
                               "recorded during generation, 16-bit floats, " + sites.front() + " to " + sites.back());
  const int64_t tokens = readers.front().tokens(), width = readers.front().width();
  std::vector<std::vector<float>> rows(sites.size(), std::vector<float>(static_cast<size_t>(block_tokens * width)));
  for (int64_t begin = 0; begin < tokens; begin += block_tokens) {
    ResidualBlock block{begin, std::min(block_tokens, tokens - begin), width, {}};
    for (size_t layer = 0; layer < sites.size(); ++layer) {
      readers[layer].read(begin, begin + block.count, rows[layer].data());
      block.layers.push_back(rows[layer].data());
    }
    builder.add(block);
  }
  return builder.take();
}

std::vector<ActivationMap> recomputed_maps(const Model& model, const Trace& trace, const Control& control) {
  std::vector<std::string> names;
  for (int layer = 0; layer < model.config.layers; ++layer) names.push_back(std::to_string(layer));
  std::vector<ActivationMapBuilder> builders;
  for (const ActivationQuantity quantity : quantities)
    builders.emplace_back(trace, names, quantity, "recomputed from the tokens on " + model.ops->device());
  std::vector<std::vector<float>> rows(names.size());
  int64_t width = 0;
  const Taps taps{[](Site site) { return site.hook == Hook::resid_post; },
                  [&](Site site, Tensor value) {
                    std::vector<float>& host = rows[static_cast<size_t>(site.layer)];
                    host.resize(static_cast<size_t>(value.size()));
                    model.ops->download(host.data(), value.data, sizeof(float) * host.size());
                    width = value.columns;
                  }};
  const auto add = [&](const Workspace&, const KeyValueCache&, int64_t begin, int64_t end) {
    ResidualBlock block{begin, end - begin, width, {}};
    for (const auto& layer : rows) block.layers.push_back(layer.data());
    for (ActivationMapBuilder& builder : builders) builder.add(block);
  };
  replay(model, trace, &taps, add, "Computing the activations again", control);
  std::vector<ActivationMap> maps;
  for (ActivationMapBuilder& builder : builders) {
    maps.push_back(builder.take());
    maps.back().recomputed = true;
  }
  return maps;
}

}  // namespace stemma
