// Writes GGUF by hand, whole or broken.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace stemma::test {

template <class T>
std::string raw(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof value);
}
inline std::string counted(const std::string& text) { return raw<uint64_t>(text.size()) + text; }

struct GgufBytes {
  std::string keys, tensors, data;
  uint64_t key_count = 0, tensor_count = 0, alignment = 32;
  uint32_t version = 3;

  void add(const std::string& key, uint32_t type, const std::string& value) {
    keys += counted(key) + raw(type) + value;
    ++key_count;
  }
  void text(const std::string& key, const std::string& value) { add(key, 8, counted(value)); }
  void u32(const std::string& key, uint32_t value) { add(key, 4, raw(value)); }
  void f32(const std::string& key, float value) { add(key, 6, raw(value)); }
  void array(const std::string& key, uint32_t type, uint64_t count, const std::string& elements) {
    add(key, 9, raw(type) + raw(count) + elements);
  }
  // `extents` fastest first, as the format has them.
  void entry(const std::string& name, const std::vector<uint64_t>& extents, uint32_t type, uint64_t offset) {
    tensors += counted(name) + raw(static_cast<uint32_t>(extents.size()));
    for (const uint64_t extent : extents) tensors += raw(extent);
    tensors += raw(type) + raw(offset);
    ++tensor_count;
  }
  void tensor(const std::string& name, const std::vector<uint64_t>& extents, uint32_t type, const std::string& bytes) {
    data.resize((data.size() + alignment - 1) / alignment * alignment);
    entry(name, extents, type, data.size());
    data += bytes;
  }
  std::string bytes() const {
    std::string file = "GGUF" + raw(version) + raw(tensor_count) + raw(key_count) + keys + tensors;
    file.resize((file.size() + alignment - 1) / alignment * alignment);
    return file + data;
  }
};

}  // namespace stemma::test
