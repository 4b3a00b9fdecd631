#include <algorithm>
#include <nlohmann/json.hpp>

#include "kernels/half.h"
#include "runtime/model/files/json_file.h"
#include "runtime/model/files/replace_file.h"
#include "runtime/model/files/safetensors.h"

namespace stemma {
namespace {

uint64_t bytes_of(const TensorToWrite& tensor) { return tensor.values.size() * format_of(tensor.type).bytes; }

void write_values(const TensorToWrite& tensor, FileReplacement& file) {
  if (tensor.type == WeightType::f32) return file.write(std::as_bytes(tensor.values));
  constexpr size_t at_once = 1 << 20;
  std::vector<uint16_t> halves;
  for (size_t i = 0; i < tensor.values.size(); i += at_once) {
    halves.clear();
    for (const float value : tensor.values.subspan(i, std::min(at_once, tensor.values.size() - i)))
      halves.push_back(tensor.type == WeightType::bf16 ? bf16_of(value) : half_of(value));
    file.write(std::as_bytes(std::span(halves)));
  }
}

}  // namespace

void write_safetensors(const std::filesystem::path& path, const std::vector<TensorToWrite>& tensors) {
  nlohmann::ordered_json header;
  header["__metadata__"] = {{"format", "pt"}};
  uint64_t offset = 0;
  for (const TensorToWrite& tensor : tensors) {
    const uint64_t end = offset + bytes_of(tensor);
    header[tensor.name] = {
        {"dtype", format_of(tensor.type).name}, {"shape", tensor.shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const uint64_t header_bytes = text.size();

  FileReplacement file(path);
  file.write(std::as_bytes(std::span(&header_bytes, 1)));
  file.write(text);
  for (const TensorToWrite& tensor : tensors) write_values(tensor, file);
  file.commit();
}

}  // namespace stemma
