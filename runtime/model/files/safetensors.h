// The safetensors format: read by mmap, checked before anything of it is used; written whole.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "kernels/weight_matrix.h"
#include "runtime/model/files/mapped_file.h"
#include "runtime/model/files/stored_tensor.h"

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

// Writes tensors whole: beside, synced, renamed. Throws Error(disk).
struct TensorToWrite {
  std::string name;
  std::vector<int64_t> shape;
  std::span<const float> values;
  WeightType type = WeightType::f32;  // or bf16 or f16, which the values are rounded to
};
void write_safetensors(const std::filesystem::path& path, const std::vector<TensorToWrite>& tensors);

}  // namespace stemma
