#include <fmt/format.h>

#include <set>

#include "runtime/error.h"
#include "runtime/model/json_file.h"
#include "runtime/model/safetensors.h"

namespace stemma {

namespace {

constexpr uint64_t largest_index = 64'000'000;

// The shards' file names, each a plain name in the folder itself.
std::set<std::string> shards_of(const std::filesystem::path& index) {
  const nlohmann::json document = parse_json_object(read_text(index, largest_index), index.string());
  std::set<std::string> shards;
  if (document.contains("weight_map") && document["weight_map"].is_object())
    for (const auto& [tensor, shard] : document["weight_map"].items()) {
      const std::string name = shard.is_string() ? shard.get<std::string>() : "";
      if (name.empty() || name == "." || name == ".." ||
          name.find_first_of(std::string_view("/\\\0", 3)) != std::string::npos)
        throw Error(ErrorCode::bad_file,
                    fmt::format("{}: tensor {} has no file name in this folder", index.string(), in_quotes(tensor)));
      shards.insert(name);
    }
  if (shards.empty())
    throw Error(ErrorCode::bad_file, fmt::format("{}: its weight_map names no shard", index.string()));
  return shards;
}

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

Checkpoint::Checkpoint(const std::filesystem::path& folder) {
  const auto single = folder / "model.safetensors", index = folder / "model.safetensors.index.json";
  std::set<std::string> names = {"model.safetensors"};
  path_ = single.string();
  if (!std::filesystem::exists(single)) {
    if (!std::filesystem::exists(index))
      throw Error(ErrorCode::not_found,
                  fmt::format("{}: holds neither model.safetensors nor model.safetensors.index.json", folder.string()));
    path_ = index.string();
    names = shards_of(index);
    const std::string missing = missing_shards(index, names);
    if (!missing.empty())
      throw Error(ErrorCode::not_found,
                  fmt::format("{}: lists shards that are not in the folder: {}; fetch them", path_, missing));
  }
  for (const std::string& name : names) {
    const auto& file = *files_.emplace_back(std::make_unique<SafetensorsFile>(folder / name));
    for (const StoredTensor& tensor : file.tensors())
      if (!found_.emplace(tensor.name, Found{&tensor, file.path().string()}).second)
        throw Error(ErrorCode::bad_file,
                    fmt::format("{}: tensor {} is in another shard too", file.path().string(), in_quotes(tensor.name)));
  }
}

Checkpoint::Found Checkpoint::find(const std::string& name) const {
  const auto place = found_.find(name);
  return place == found_.end() ? Found{} : place->second;
}

}  // namespace stemma
