// A matrix as it is stored, of weights or of keys and values: rows of numbers, or of the blocks of kernels/quants.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace stemma {

enum class WeightType { f32, bf16, f16, q4_0, q4_1, q5_0, q5_1, q8_0, q4_k, q5_k, q6_k };
inline constexpr int weight_types = 11;

struct WeightFormat {
  std::string_view name;  // as ggml and safetensors write it: "BF16", "Q4_K"
  int elements, bytes;    // of a block
};
inline constexpr WeightFormat weight_formats[weight_types] = {
    {"F32", 1, 4},    {"BF16", 1, 2},   {"F16", 1, 2},      {"Q4_0", 32, 18},   {"Q4_1", 32, 20},  {"Q5_0", 32, 22},
    {"Q5_1", 32, 24}, {"Q8_0", 32, 34}, {"Q4_K", 256, 144}, {"Q5_K", 256, 176}, {"Q6_K", 256, 210}};

inline const WeightFormat& format_of(WeightType type) { return weight_formats[static_cast<size_t>(type)]; }
// Bytes of a row; `columns` are whole blocks.
inline int64_t row_bytes(WeightType type, int64_t columns) {
  return columns / format_of(type).elements * format_of(type).bytes;
}

inline constexpr int64_t interleaved_rows = 32;  // that lie together

// A view, as Tensor is one.
struct WeightMatrix {
  WeightType type = WeightType::f32;
  std::byte* data = nullptr;
  int64_t rows = 0, columns = 0;
  bool interleaved = false;  // its rows are (Ops::interleaves), in whole groups, and none lies by itself

  explicit operator bool() const { return data != nullptr; }
  int64_t row_bytes() const { return stemma::row_bytes(type, columns); }
  int64_t bytes() const { return rows * row_bytes(); }
  int64_t stored_bytes() const {
    return interleaved ? (rows + interleaved_rows - 1) / interleaved_rows * interleaved_rows * row_bytes() : bytes();
  }
  std::byte* row(int64_t i) const { return data + i * row_bytes(); }
  WeightMatrix slice(int64_t begin, int64_t end) const { return {type, row(begin), end - begin, columns}; }
};

}  // namespace stemma
