#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "runtime/error.h"
#include "runtime/influence/curvature/factors.h"
#include "runtime/influence/unfinished.h"
#include "runtime/model/files/hash.h"
#include "runtime/session/hdf5_file.h"
#include "runtime/session/write_whole.h"

namespace stemma {

namespace {

constexpr int64_t factors_version = 1;
constexpr int64_t widest = 1 << 20;  // inputs or outputs of one linear layer

std::string hash_of(const std::vector<LayerFactors>& layers) {
  Hasher hasher;
  for (const LayerFactors& layer : layers) {
    hasher.add(layer.name);
    for (const std::vector<float>* part : {&layer.q_a, &layer.q_s, &layer.lambda})
      hasher.add(std::as_bytes(std::span(*part)));
    hasher.add(std::as_bytes(std::span(&layer.damping, 1)));
  }
  return hasher.hex();
}

Shape columns_of(const std::vector<float>& blocks, int64_t side) {
  return {side, static_cast<int64_t>(blocks.size()) / side};
}

void write_factors(const Factors& factors, const Hdf5Node& root) {
  root.set("format", "stemma-factors");
  root.set("version", factors_version);
  root.set("program", factors.program);
  root.set("created", factors.created);
  root.set("model", factors.model_hash);
  root.set("corpus", factors.corpus_hash);
  root.set("device", factors.device);
  root.set("hash", factors.hash);
  root.set("pattern", factors.choice.pattern);
  root.set("blocks", int64_t{factors.choice.blocks});
  root.set("documents", factors.documents);
  root.set("tokens", factors.tokens);
  root.set("seed", factors.seed);
  root.set("seconds", factors.seconds);
  const Hdf5Node layers = root.make_group("layers");
  int order = 0;
  for (const LayerFactors& layer : factors.layers) {
    const Hdf5Node node = layers.make_group(layer.name);
    node.set("order", order++);
    node.set("damping", layer.damping);
    node.write("q_a", layer.q_a, columns_of(layer.q_a, layer.inputs), Packing::none);
    node.write("q_s", layer.q_s, columns_of(layer.q_s, layer.outputs), Packing::none);
    node.write("lambda", layer.lambda, {layer.outputs, layer.inputs}, Packing::none);
  }
}

LayerFactors read_layer(const Hdf5Node& layers, const std::string& name, int blocks) {
  const Hdf5Node node = layers.group(name);
  LayerFactors layer;
  layer.name = name;
  layer.damping = node.real("damping");
  const Shape shape = node.shape("lambda");
  if (shape.size() != 2 || shape[0] < 1 || shape[1] < 1 || shape[0] > widest || shape[1] > widest) {
    throw Error(ErrorCode::bad_file,
                fmt::format("{}: no matrix of a linear layer; fit the factors again", node.place("lambda")));
  }
  layer.outputs = shape[0];
  layer.inputs = shape[1];
  const auto read_side = [&](const std::string& side, int64_t width) {
    if (width % blocks != 0)
      throw Error(ErrorCode::bad_file,
                  fmt::format("{}: does not divide into {} blocks; fit the factors again", node.place(side), blocks));
    return node.read<float>(side, {width, width / blocks});
  };
  layer.q_a = read_side("q_a", layer.inputs);
  layer.q_s = read_side("q_s", layer.outputs);
  layer.lambda = node.read<float>("lambda", shape);
  return layer;
}

}  // namespace

void save_factors(Factors& factors, const std::filesystem::path& path) {
  factors.hash = hash_of(factors.layers);
  write_whole(path, "the factors", [&](const Hdf5Node& root) { write_factors(factors, root); });
}

Factors fit_factors_into(const std::filesystem::path& path, const Model& model, const Corpus& corpus, FitOptions options,
                         const Control& control) {
  options.unfinished = unfinished_path(path);
  Factors factors = fit_factors(model, corpus, options, control);
  if (options.ranks && !options.ranks->leads()) return factors;
  save_factors(factors, path);
  remove_unfinished(path);
  return factors;
}

Factors load_factors(const std::filesystem::path& path) {
  const Hdf5File file = Hdf5File::open(path);
  const Hdf5Node root = file.root();
  if (!root.has_attribute("format") || root.text("format") != "stemma-factors") {
    throw Error(ErrorCode::bad_file,
                fmt::format("{}: an HDF5 file but no curvature factors; make them with `stemma fit`", path.string()));
  }
  if (const int64_t version = root.integer("version"); version != factors_version) {
    throw Error(ErrorCode::unsupported,
                fmt::format("{}: factors of version {} made by {}, and this program reads version {}; use a newer "
                            "Stemma or fit them again",
                            path.string(), version, root.text("program").substr(0, 60), factors_version));
  }
  Factors factors;
  factors.program = root.text("program");
  factors.created = root.text("created");
  factors.model_hash = root.text("model");
  factors.corpus_hash = root.text("corpus");
  factors.device = root.text("device");
  factors.hash = root.text("hash");
  factors.documents = root.integer("documents");
  factors.tokens = root.integer("tokens");
  factors.seed = static_cast<uint64_t>(root.integer("seed"));
  factors.seconds = root.real("seconds");
  if (root.has_attribute("blocks")) {  // else of a program that knew only one block, and all layers
    factors.choice.pattern = root.text("pattern");
    const int64_t blocks = root.integer("blocks");
    if (blocks < 1 || blocks > widest)
      throw Error(ErrorCode::bad_file, fmt::format("{}: factors in {} blocks; fit them again", path.string(), blocks));
    factors.choice.blocks = static_cast<int>(blocks);
  }
  const Hdf5Node layers = root.group("layers");
  std::vector<std::pair<int64_t, std::string>> names;
  for (const std::string& name : layers.names()) names.emplace_back(layers.group(name).integer("order"), name);
  std::sort(names.begin(), names.end());
  for (const auto& [order, name] : names) factors.layers.push_back(read_layer(layers, name, factors.choice.blocks));
  if (hash_of(factors.layers) != factors.hash) {
    throw Error(ErrorCode::bad_file,
                fmt::format("{}: its numbers are not those that were written; fit the factors again", path.string()));
  }
  return factors;
}

}  // namespace stemma
