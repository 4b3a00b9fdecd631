#include "runtime/model/load_weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "kernels/half.h"
#include "runtime/error.h"
#include "runtime/model/family.h"
#include "runtime/model/files/json_file.h"
#include "runtime/model/weight_layout.h"

namespace stemma {

namespace {

std::string shape_text(const std::vector<int64_t>& shape) { return fmt::format("({})", fmt::join(shape, ", ")); }

// The checkpoint of a family's body alone lacks the prefix: "wte.weight" for "transformer.wte.weight".
class Names {
 public:
  Names(const Checkpoint& checkpoint, const ModuleNames& names) : checkpoint_(checkpoint), prefix_(names.prefix) {
    const std::string embedding = fmt::format("{}.weight", names.embedding);
    bare_ = !checkpoint.find(prefix_ + embedding) && checkpoint.find(embedding);
  }
  std::string prefix() const { return bare_ ? "" : prefix_; }
  std::string in_file(const std::string& name) const {
    return bare_ && name.starts_with(prefix_) ? name.substr(prefix_.size()) : name;
  }
  Checkpoint::Found find(const std::string& name) const { return checkpoint_.find(in_file(name)); }

 private:
  const Checkpoint& checkpoint_;
  const std::string prefix_;
  bool bare_ = false;
};

// What other programs put where a quantised matrix was; empty where they did not.
std::string quantised_part(const Checkpoint& checkpoint, const std::string& name) {
  const std::string module = name.substr(0, name.rfind('.') + 1);
  for (const char* part : {"qweight", "weight_packed", "weight_q", "weight_scale", "weight_scale_inv", "SCB",
                           "weight.absmax", "weight.quant_map", "weight.quant_state.bitsandbytes__nf4"})
    if (checkpoint.find(module + part)) return module + part;
  return "";
}

void check_tensor(const Checkpoint& checkpoint, const Names& names, const ModuleNames& modules,
                  const StoredPart& stored) {
  const auto found = names.find(stored.name);
  const std::string name = names.in_file(stored.name);
  if (const std::string part = quantised_part(checkpoint, name); !part.empty())
    throw Error(ErrorCode::unsupported,
                fmt::format("{}: holds quantised weights (tensor {}), which are not supported; take the model before "
                            "it was quantised, or a GGUF file",
                            checkpoint.path(), in_quotes(part)));
  if (!found && name == fmt::format("{}.weight", modules.unembedding))
    throw Error(ErrorCode::bad_file,
                fmt::format("{}: lacks tensor '{}', and config.json does not tie it to the embedding "
                            "(tie_word_embeddings)",
                            checkpoint.path(), name));
  if (!found)
    throw Error(ErrorCode::bad_file,
                fmt::format("{}: lacks tensor '{}' that config.json asks for", checkpoint.path(), name));
  if (found.tensor->shape != stored.shape)
    throw Error(ErrorCode::bad_file, fmt::format("{}: tensor '{}' has shape {}, config.json asks for {}", found.file,
                                                 name, shape_text(found.tensor->shape), shape_text(stored.shape)));
  float first = 0;
  found.read(0, {&first, 1});  // refuses a type that weights cannot have
}

// Old checkpoints keep masks and angles that follow from the config.
bool follows_from_config(std::string_view name) {
  for (const char* ending :
       {".rotary_emb.inv_freq", ".attn.bias", ".attn.masked_bias", ".attention.bias", ".attention.masked_bias"})
    if (name.ends_with(ending)) return true;
  return false;
}

// Tensors of a layer that the config does not explain (biases, query norms, experts, further layers) would be lost
// silently.
void check_nothing_else(const Checkpoint& checkpoint, const Names& names, const ModuleNames& modules,
                        const std::vector<WeightPlace>& places) {
  std::set<std::string> known;
  for (const WeightPlace& place : places) known.insert(names.in_file(place.stored.name));
  const std::string layers = fmt::format("{}{}.", names.prefix(), modules.layers);
  for (const auto& [name, found] : checkpoint.tensors())
    if (name.starts_with(layers) && !known.contains(name) && !follows_from_config(name))
      throw Error(
          ErrorCode::unsupported,
          fmt::format("{}: tensor {} is no part of the model that config.json describes", found.file, in_quotes(name)));
}

// Of a head beside an embedding that it should be: releases of transformers differ on which counts.
void check_tie(const Checkpoint& checkpoint, const Names& names, const ModuleNames& modules,
               const ModelConfig& config) {
  const std::string head = fmt::format("{}.weight", modules.unembedding);
  const auto own = names.find(head);
  if (!config.tied || !own) return;
  const auto embedding = names.find(fmt::format("{}{}.weight", modules.prefix, modules.embedding));
  const auto one = own.tensor->bytes, other = embedding.tensor->bytes;
  if (own.tensor->dtype == embedding.tensor->dtype && std::equal(one.begin(), one.end(), other.begin(), other.end()))
    return;
  throw Error(ErrorCode::bad_file,
              fmt::format("{}: tensor '{}' is not the embedding, to which config.json ties it; set "
                          "tie_word_embeddings to false to use it, or take it out",
                          own.file, head));
}

// Runs `visit(begin, count, to)` over what lies together in the stored tensor and in ours.
template <class Visit>
void for_runs(const WeightPlace& place, Visit visit) {
  const StoredPart& s = place.stored;
  const int64_t columns = place.vector ? 1 : place.columns;
  const int64_t rows = place.vector ? place.columns : place.rows;
  if (s.shape.size() == 1 && s.block == 1 && s.stride == 1) return visit(0, rows, 0);  // a norm's
  for (int64_t row = 0, from = s.first; row < rows; row += s.block, from += s.stride)
    visit(from * columns, std::min(s.block, rows - row) * columns, row * columns);
}

// Ours (rows, columns) from a stored tensor (columns, all).
std::vector<float> turned(const StoredPart& stored, const WeightPlace& place, const std::vector<float>& all) {
  const int64_t width = stored.shape[1];
  std::vector<float> values(static_cast<size_t>(place.rows * place.columns));
  for (int64_t r = 0; r < place.rows; ++r)
    for (int64_t c = 0; c < place.columns; ++c)
      values[static_cast<size_t>(r * place.columns + c)] = all[static_cast<size_t>(c * width + stored.first + r)];
  return values;
}

void load_tensor(const Checkpoint::Found& found, const WeightPlace& place, Tensor to, Ops& ops) {
  const StoredPart& stored = place.stored;
  std::vector<float> values;
  if (stored.transposed) {
    values.resize(static_cast<size_t>(found.tensor->size()));
    found.read(0, values);
    values = turned(stored, place, values);
    return ops.upload(to.data, values.data(), values.size() * sizeof(float));
  }
  for_runs(place, [&](int64_t begin, int64_t count, int64_t at) {
    if (found.plain_f32() && stored.added == 0)
      return ops.upload(to.data + at, found.tensor->bytes.data() + begin * static_cast<int64_t>(sizeof(float)),
                        static_cast<size_t>(count) * sizeof(float));
    for (int64_t done = 0; done < count; done += elements_at_once) {
      values.resize(static_cast<size_t>(std::min(elements_at_once, count - done)));
      found.read(begin + done, values);
      if (stored.added != 0)  // else -0 would lose its sign
        for (float& value : values) value += stored.added;
      ops.upload(to.data + at + done, values.data(), values.size() * sizeof(float));
    }
  });
}

std::optional<WeightType> stored_type(const Checkpoint::Found& found) {
  for (int i = 0; i < weight_types; ++i)
    if (weight_formats[i].name == found.tensor->dtype) return static_cast<WeightType>(i);
  return std::nullopt;
}

// Whether rows can be copied as they are: nothing is turned and nothing added.
bool keeps_rows(const Checkpoint::Found& found, const StoredPart& stored) {
  return !stored.transposed && stored.added == 0 && found.arrangement.add == 0 &&
         found.arrangement.rows != Arrangement::Rows::transposed;
}

WeightType type_of(const Checkpoint::Found& found, const WeightPlace& place, Dtype dtype, const Ops& ops) {
  if (place.vector || place.in_model == &Weights::positions) return WeightType::f32;
  if (dtype == Dtype::bf16) return WeightType::bf16;
  if (dtype == Dtype::f16) return WeightType::f16;
  const auto type = stored_type(found);
  const bool blocks = dtype == Dtype::automatic && type && format_of(*type).elements > 1;
  return blocks && keeps_rows(found, place.stored) && ops.takes(*type) ? *type : WeightType::f32;
}

std::vector<WeightType> types_of(const std::vector<WeightPlace>& places, const Names& names, Dtype dtype,
                                 const Ops& ops) {
  std::vector<WeightType> types;
  for (const WeightPlace& place : places) types.push_back(type_of(names.find(place.stored.name), place, dtype, ops));
  return types;
}

void load_kept(const Checkpoint::Found& found, const WeightPlace& place, const WeightMatrix& to, Ops& ops) {
  if (stored_type(found) == to.type && keeps_rows(found, place.stored))
    return for_runs(place, [&](int64_t begin, int64_t count, int64_t at) {
      const int64_t first = begin / to.columns, rows = count / to.columns;
      const int64_t step = std::max<int64_t>(1, elements_at_once / to.columns);
      std::vector<std::byte> bytes;
      for (int64_t done = 0; done < rows; done += step, bytes.clear()) {
        for (int64_t i = done; i < std::min(done + step, rows); ++i) {
          const auto row = found.row(first + i);
          bytes.insert(bytes.end(), row.begin(), row.end());
        }
        ops.write_rows(bytes, to, at / to.columns + done);
      }
    });
  std::vector<uint16_t> rounded;
  const auto upload = [&](std::span<const float> values, int64_t at) {
    rounded.resize(values.size());
    std::transform(values.begin(), values.end(), rounded.begin(), to.type == WeightType::bf16 ? &bf16_of : &half_of);
    ops.upload(to.data + 2 * at, rounded.data(), 2 * rounded.size());
  };
  std::vector<float> values;
  if (place.stored.transposed) {
    values.resize(static_cast<size_t>(found.tensor->size()));
    found.read(0, values);
    return upload(turned(place.stored, place, values), 0);
  }
  for_runs(place, [&](int64_t begin, int64_t count, int64_t at) {
    for (int64_t done = 0; done < count; done += elements_at_once) {
      values.resize(static_cast<size_t>(std::min(elements_at_once, count - done)));
      found.read(begin + done, values);
      if (place.stored.added != 0)
        for (float& value : values) value += place.stored.added;
      upload(values, at + done);
    }
  });
}

// The inverse of load_tensor, into the whole stored tensor.
void store_tensor(const WeightPlace& place, const float* from, std::vector<float>& all) {
  const StoredPart& stored = place.stored;
  if (stored.transposed) {
    for (int64_t r = 0; r < place.rows; ++r)
      for (int64_t c = 0; c < place.columns; ++c)
        all[static_cast<size_t>(c * stored.shape[1] + stored.first + r)] = from[r * place.columns + c];
    return;
  }
  for_runs(place, [&](int64_t begin, int64_t count, int64_t at) {
    for (int64_t i = 0; i < count; ++i) all[static_cast<size_t>(begin + i)] = from[at + i] - stored.added;
  });
}

}  // namespace

void check_weights(const Checkpoint& checkpoint, const ModelConfig& config) {
  const ModuleNames& modules = family_of(config).names;
  const std::vector<WeightPlace> places = weight_layout(config);
  const Names names(checkpoint, modules);
  for (const WeightPlace& place : places) check_tensor(checkpoint, names, modules, place.stored);
  check_nothing_else(checkpoint, names, modules, places);
  check_tie(checkpoint, names, modules, config);
}

namespace {

double bytes_of(const std::vector<WeightPlace>& places, const std::vector<WeightType>& types) {
  double bytes = 0;
  for (size_t i = 0; i < places.size(); ++i)
    bytes += static_cast<double>(places[i].rows * row_bytes(types[i], places[i].columns));
  return bytes;
}

void expect_room(double needed, const std::string& path, const Ops& ops) {
  const auto [free, total] = ops.memory();
  if (total > 0 && needed > free)
    throw Error(ErrorCode::does_not_fit,
                fmt::format("{}: the weights need {:.1f} of the {:.1f} GB of {}, and {:.1f} GB are free; load them as "
                            "bf16, or a smaller or quantised model",
                            path, needed / 1e9, total / 1e9, ops.device(), free / 1e9));
}

}  // namespace

std::vector<WeightType> loaded_types(const Checkpoint& checkpoint, const ModelConfig& config, const Ops& ops,
                                     Dtype dtype) {
  check_weights(checkpoint, config);
  return types_of(weight_layout(config), Names(checkpoint, family_of(config).names), dtype, ops);
}

double loaded_bytes(const Checkpoint& checkpoint, const ModelConfig& config, const Ops& ops, Dtype dtype) {
  return bytes_of(weight_layout(config), loaded_types(checkpoint, config, ops, dtype));
}

Weights load_weights(const Checkpoint& checkpoint, const ModelConfig& config, const std::shared_ptr<Ops>& ops,
                     Dtype dtype) {
  check_weights(checkpoint, config);
  const std::vector<WeightPlace> places = weight_layout(config);
  const Names names(checkpoint, family_of(config).names);
  const auto types = types_of(places, names, dtype, *ops);
  expect_room(bytes_of(places, types), checkpoint.path(), *ops);
  Weights weights(config, ops, types);
  for (size_t i = 0; i < places.size(); ++i) {
    const auto& named = weights.named()[i];
    const auto found = names.find(places[i].stored.name);
    if (named.tensor)
      load_tensor(found, places[i], named.tensor, *ops);
    else
      load_kept(found, places[i], named.matrix, *ops);
  }
  return weights;
}

void write_weights(const std::filesystem::path& file, const ModelConfig& config, const Weights& weights, Ops& ops) {
  struct Whole {
    const StoredPart* stored;
    WeightType type;
    std::vector<float> values;
  };
  std::vector<Whole> wholes;
  std::map<std::string, size_t> place_of;
  const std::vector<WeightPlace> places = weight_layout(config);
  std::vector<std::byte> bytes;
  std::vector<float> values;
  for (size_t i = 0; i < places.size(); ++i) {
    const WeightPlace& place = places[i];
    const WeightMatrix& matrix = weights.named()[i].matrix;
    const auto [known, fresh] = place_of.emplace(place.stored.name, wholes.size());
    if (fresh) {
      int64_t size = 1;
      for (const int64_t side : place.stored.shape) size *= side;
      wholes.push_back({&place.stored, matrix.type, std::vector<float>(static_cast<size_t>(size))});
    }
    bytes.resize(static_cast<size_t>(matrix.bytes()));
    values.resize(static_cast<size_t>(matrix.rows * matrix.columns));
    ops.read_rows(matrix, 0, bytes);
    read_f32({place.stored.name, std::string(format_of(matrix.type).name), {matrix.rows, matrix.columns}, bytes}, 0,
             values, file.string());
    store_tensor(place, values.data(), wholes[known->second].values);
  }
  std::vector<TensorToWrite> tensors;
  for (const Whole& whole : wholes)
    tensors.push_back({whole.stored->name, whole.stored->shape, whole.values, whole.type});
  write_safetensors(file, tensors);
}

}  // namespace stemma
