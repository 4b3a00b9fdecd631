#include "runtime/model/files/checkpoint.h"

#include <fmt/format.h>

#include <set>

#include "runtime/error.h"
#include "runtime/model/files/gguf_model.h"
#include "runtime/model/files/json_file.h"

namespace stemma {

namespace {

constexpr uint64_t largest_index = 64'000'000;

std::string missing_shards(const std::filesystem::path& index, const std::set<std::string>& shards) {
  std::string missing;
  size_t count = 0;
  for (const std::string& shard : shards)
    if (!std::filesystem::exists(index.parent_path() / shard)) {
      if (++count <= 5) missing += (missing.empty() ? "" : ", ") + shard;
    }
  if (count > 5) missing += fmt::format(" and {} more", count - 5);
  return missing;
}

}  // namespace

std::map<std::string, std::string> parse_shard_index(std::string_view text, const std::string& file) {
  const nlohmann::json document = parse_json_object(text, file);
  std::map<std::string, std::string> shards;
  if (document.contains("weight_map") && document["weight_map"].is_object())
    for (const auto& [tensor, shard] : document["weight_map"].items()) {
      const std::string name = shard.is_string() ? shard.get<std::string>() : "";
      if (name.empty() || name == "." || name == ".." ||
          name.find_first_of(std::string_view("/\\\0", 3)) != std::string::npos)
        throw Error(ErrorCode::bad_file,
                    fmt::format("{}: tensor {} has no file name in this folder", file, in_quotes(tensor)));
      shards[tensor] = name;
    }
  if (shards.empty()) throw Error(ErrorCode::bad_file, fmt::format("{}: its weight_map names no shard", file));
  return shards;
}

Checkpoint::Checkpoint(const std::filesystem::path& folder) {
  const auto single = folder / "model.safetensors", index = folder / "model.safetensors.index.json";
  std::map<std::string, std::string> shard_of;
  std::set<std::string> names = {"model.safetensors"};
  path_ = single.string();
  if (!std::filesystem::exists(single)) {
    if (!std::filesystem::exists(index))
      throw Error(ErrorCode::not_found,
                  fmt::format("{}: holds neither model.safetensors nor model.safetensors.index.json", folder.string()));
    path_ = index.string();
    shard_of = parse_shard_index(read_text(index, largest_index), index.string());
    names.clear();
    for (const auto& [tensor, shard] : shard_of) names.insert(shard);
    const std::string missing = missing_shards(index, names);
    if (!missing.empty())
      throw Error(ErrorCode::not_found,
                  fmt::format("{}: lists shards that are not in the folder: {}; fetch them", path_, missing));
  }
  for (const std::string& name : names) {
    const auto& file = *files_.emplace_back(std::make_unique<SafetensorsFile>(folder / name));
    for (const StoredTensor& tensor : file.tensors())
      if (!found_.emplace(tensor.name, Found{&tensor, file.path().string(), {}}).second)
        throw Error(ErrorCode::bad_file, fmt::format("{}: tensor {} is in another shard too; fetch the shards again",
                                                     file.path().string(), in_quotes(tensor.name)));
  }
  for (const auto& [tensor, shard] : shard_of)
    if (const Found found = find(tensor); !found || found.file != (folder / shard).string())
      throw Error(ErrorCode::bad_file,
                  fmt::format("{}: places tensor {} in {}, which does not hold it; fetch both again", path_,
                              in_quotes(tensor), shard));
}

Checkpoint::Checkpoint(std::shared_ptr<const GgufFile> file, const ModelConfig& config)
    : path_(file->file()), gguf_(std::move(file)) {
  if (gguf_->tensors().empty())
    throw Error(ErrorCode::not_found,
                fmt::format("{}: holds no weights, only what describes a model; fetch the file that has them", path_));
  renamed_.reserve(gguf_->tensors().size());
  for (const StoredTensor& tensor : gguf_->tensors()) {
    GgufPlace place = gguf_place(*gguf_, tensor.name, config);
    if (place.name.empty()) continue;
    StoredTensor& renamed = renamed_.emplace_back(tensor);
    renamed.name = place.name;
    const int64_t parts = place.arrangement.heads * (place.arrangement.rows == Arrangement::Rows::triples ? 3 : 2);
    if (place.arrangement.rows == Arrangement::Rows::transposed && tensor.shape.size() == 2)
      std::swap(renamed.shape[0], renamed.shape[1]);
    else if (place.arrangement.rows != Arrangement::Rows::kept && (tensor.shape[0] < parts || tensor.shape[0] % parts))
      throw Error(ErrorCode::bad_file,
                  fmt::format("{}: tensor {} has {} rows, which {} heads cannot share; convert the model again", path_,
                              in_quotes(tensor.name), tensor.shape[0], place.arrangement.heads));
    if (!found_.emplace(place.name, Found{&renamed, path_, place.arrangement}).second)
      throw Error(ErrorCode::bad_file,
                  fmt::format("{}: tensor {} is there under another name too", path_, in_quotes(tensor.name)));
  }
}

Checkpoint::Found Checkpoint::find(const std::string& name) const {
  const auto place = found_.find(name);
  return place == found_.end() ? Found{} : place->second;
}

}  // namespace stemma
