// A tensor as a file of weights holds it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace stemma {

// Row-major, little-endian, the last extent the fastest.
struct StoredTensor {
  std::string name;
  std::string dtype;  // "F32", "BF16", "I64", "Q4_K", ...
  std::vector<int64_t> shape;
  std::span<const std::byte> bytes;  // not aligned

  int64_t size() const;  // elements
};

// Elements [begin, begin + out.size()) as f32, from F64, F32, F16, BF16 or a block format of kernels/quants.h. Throws
// Error for other types; `file` is for messages.
void read_f32(const StoredTensor& tensor, int64_t begin, std::span<float> out, const std::string& file);

}  // namespace stemma
