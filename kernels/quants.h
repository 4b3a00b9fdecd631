// The block formats of ggml: a few weights share a scale and perhaps a minimum. Laid out as in ggml-common.h of
// llama.cpp.
#pragma once

#include <cstddef>
#include <string_view>

namespace stemma {

struct BlockFormat {
  std::string_view name;                               // as ggml writes it: "Q4_K"
  int elements, bytes;                                 // of a block
  void (*decode)(const std::byte* block, float* out);  // out: (elements)
};

// Null for a format that is not decoded.
const BlockFormat* find_block_format(std::string_view name);
inline constexpr int largest_block = 256;  // elements

// 32 numbers as a block of Q8_0 (34 bytes), of which each is within a 254th of the largest.
void encode_q8_0(const float* x, std::byte* block);

}  // namespace stemma
