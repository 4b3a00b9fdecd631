#include "runtime/model/files/model_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <string_view>
#include <vector>

#include "runtime/error.h"
#include "runtime/model/files/json_file.h"

namespace stemma {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void refuse(ErrorCode code, const fs::path& path, const std::string& what) {
  throw Error(code, fmt::format("{}: {}", path.string(), what));
}

std::vector<std::string> names_in(const fs::path& folder, const std::function<bool(std::string_view)>& wanted) {
  std::vector<std::string> names;
  std::error_code failure;
  for (const auto& entry : fs::directory_iterator(folder, failure))
    if (const std::string name = entry.path().filename().string(); wanted(name)) names.push_back(name);
  if (failure) refuse(ErrorCode::disk, folder, fmt::format("cannot be read ({})", failure.message()));
  std::sort(names.begin(), names.end());
  return names;
}

bool is_pickle(std::string_view name) {
  const bool weights = name.starts_with("pytorch_model") || name.starts_with("consolidated");
  return weights && (name.ends_with(".bin") || name.ends_with(".pth") || name.ends_with(".pt"));
}

// The one GGUF file of a folder that is nothing else; empty where there is none.
fs::path only_gguf(const fs::path& folder) {
  if (fs::exists(folder / "model.safetensors") || fs::exists(folder / "model.safetensors.index.json")) return {};
  const auto names = names_in(folder, [](auto name) { return name.ends_with(".gguf") || name.ends_with(".GGUF"); });
  if (names.size() > 1)
    refuse(ErrorCode::usage, folder,
           fmt::format("holds {} GGUF files ({}, ...); name one of them", names.size(), in_quotes(names.front())));
  return names.empty() ? fs::path() : folder / names.front();
}

ModelFiles files_in(const fs::path& folder, const std::string& name) {
  ModelFiles files{fs::canonical(folder), {}, name, ""};
  if (files.name.empty()) files.name = files.folder.filename().string();
  files.gguf = only_gguf(files.folder);
  return files;
}

// "models--org--name" as it is named elsewhere.
std::string repository_name(const fs::path& repository) {
  const std::string name = repository.filename().string().substr(std::string_view("models--").size());
  const size_t divider = name.find("--");
  return divider == std::string::npos ? name : name.substr(0, divider) + "/" + name.substr(divider + 2);
}

ModelFiles snapshot_in(const fs::path& repository, const std::string& revision) {
  const fs::path snapshot = find_snapshot(repository, revision);
  ModelFiles files = files_in(snapshot, repository_name(repository));
  files.commit = snapshot.filename().string();
  return files;
}

struct NameInCache {
  std::string organisation, model, revision;  // all empty for what is no such name
};

// "org/name" or "org/name@revision".
NameInCache name_in_cache(const std::string& text) {
  const size_t slash = text.find('/'), at = std::min(text.find('@'), text.size());
  if (slash == std::string::npos || slash > at) return {};
  const NameInCache name{text.substr(0, slash), text.substr(slash + 1, at - slash - 1),
                         at == text.size() ? "" : text.substr(at + 1)};
  return is_plain_name(name.organisation) && is_plain_name(name.model) ? name : NameInCache{};
}

bool is_repository(const fs::path& folder) {
  return folder.filename().string().starts_with("models--") && fs::is_directory(folder / "snapshots");
}

}  // namespace

void check_weights_form(const fs::path& folder) {
  for (const char* name : {"model.safetensors", "model.safetensors.index.json"})
    if (const fs::path link = folder / name; fs::is_symlink(link) && !fs::exists(link))
      refuse(ErrorCode::not_found, link, "leads to a file that is not there; download the model again");
  if (fs::exists(folder / "model.safetensors") || fs::exists(folder / "model.safetensors.index.json")) return;
  if (fs::exists(folder / "adapter_config.json"))
    refuse(ErrorCode::unsupported, folder,
           "holds an adapter alone (adapter_config.json); merge it into its base model with merge_and_unload of PEFT");
  if (const auto names = names_in(folder, is_pickle); !names.empty())
    refuse(ErrorCode::unsupported, folder,
           fmt::format("its weights are Python pickles ({}), which can run code; convert them to safetensors with "
                       "save_pretrained of transformers",
                       names.front()));
  if (const auto names = names_in(folder, [](auto name) { return name.ends_with(".safetensors"); }); !names.empty())
    refuse(
        ErrorCode::not_found, folder,
        fmt::format("holds {} but no model.safetensors.index.json that lists it; fetch the index, or rename a single "
                    "file model.safetensors",
                    in_quotes(names.front())));
}

ModelFiles find_model(const fs::path& named) {
  std::error_code none;
  if (fs::is_regular_file(named, none)) {
    if (named.extension() == ".safetensors") refuse(ErrorCode::usage, named, "is one file of a model; name its folder");
    // Not resolved further: in a cache the name leads to one that says nothing.
    const fs::path folder = fs::canonical(fs::absolute(named).parent_path());
    return {folder, folder / named.filename(), named.stem().string(), ""};
  }
  if (fs::is_directory(named, none)) {
    const fs::path folder = fs::canonical(named);
    if (is_repository(folder)) return snapshot_in(folder, "");
    if (folder.parent_path().filename() == "snapshots" && is_repository(folder.parent_path().parent_path()))
      return snapshot_in(folder.parent_path().parent_path(), folder.filename().string());
    return files_in(folder, "");
  }
  const auto [organisation, model, revision] = name_in_cache(named.string());
  if (organisation.empty()) refuse(ErrorCode::not_found, named, "there is no such model folder");
  const fs::path repository = hugging_face_cache() / fmt::format("models--{}--{}", organisation, model);
  if (!fs::is_directory(repository, none))
    refuse(
        ErrorCode::not_found, named,
        fmt::format("there is no such folder, and no such model in the Hugging Face cache ({}); download it with: hf "
                    "download {}/{}",
                    hugging_face_cache().string(), organisation, model));
  return snapshot_in(repository, revision);
}

}  // namespace stemma
