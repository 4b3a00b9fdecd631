// The safetensors format: read by mmap, checked before anything of it is used; written whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "runtime/model/mapped_file.h"
#include "runtime/model/stored_tensor.h"

namespace stemma {

// Checks header, shapes and ranges of a whole file's bytes; the spans point into them. `name` is the file, for
// messages. Throws Error: a Git-LFS pointer, cut short, not JSON, ranges that overlap, leave the file or leave holes.
std::vector<StoredTensor> parse_safetensors(std::span<const std::byte> file, const std::string& name);

// A file on disk, mapped as long as this lives.
class SafetensorsFile {
 public:
  explicit SafetensorsFile(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return mapped_.path(); }
  const std::vector<StoredTensor>& tensors() const { return tensors_; }

 private:
  MappedFile mapped_;
  std::vector<StoredTensor> tensors_;
};

// A model folder's weights: model.safetensors, or the shards that model.safetensors.index.json lists.
class Checkpoint {
 public:
  struct Found {
    const StoredTensor* tensor = nullptr;
    std::string file;  // the path, for messages
    explicit operator bool() const { return tensor; }
  };

  // Throws Error: neither file is there, a shard is missing or broken, two shards hold one name.
  explicit Checkpoint(const std::filesystem::path& folder);
  Found find(const std::string& name) const;
  const std::map<std::string, Found>& tensors() const { return found_; }
  const std::string& path() const { return path_; }  // model.safetensors or the index

 private:
  std::string path_;
  std::vector<std::unique_ptr<SafetensorsFile>> files_;
  std::map<std::string, Found> found_;
};

// Writes F32 tensors whole: beside, synced, renamed. Throws Error(disk).
struct TensorToWrite {
  std::string name;
  std::vector<int64_t> shape;
  std::span<const float> values;
};
void write_safetensors(const std::filesystem::path& path, const std::vector<TensorToWrite>& tensors);

}  // namespace stemma
