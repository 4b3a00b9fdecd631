#include "kernels/quants.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "kernels/half.h"

namespace stemma {

namespace {

uint8_t byte_at(const std::byte* block, int i) { return static_cast<uint8_t>(block[i]); }
int signed_at(const std::byte* block, int i) { return static_cast<int8_t>(block[i]); }
int low(uint8_t x) { return x & 15; }
int high(uint8_t x) { return x >> 4; }

float half_at(const std::byte* block, int i) {
  uint16_t half;
  std::memcpy(&half, block + i, sizeof half);
  return float_of(half);
}

// 32 weights: the low nibbles of 16 bytes, then the high ones.
void decode_q4_0(const std::byte* block, float* out) {
  const float scale = half_at(block, 0);
  for (int i = 0; i < 16; ++i) {
    const uint8_t pair = byte_at(block, 2 + i);
    out[i] = static_cast<float>(low(pair) - 8) * scale;
    out[i + 16] = static_cast<float>(high(pair) - 8) * scale;
  }
}

void decode_q4_1(const std::byte* block, float* out) {
  const float scale = half_at(block, 0), minimum = half_at(block, 2);
  for (int i = 0; i < 16; ++i) {
    const uint8_t pair = byte_at(block, 4 + i);
    out[i] = static_cast<float>(low(pair)) * scale + minimum;
    out[i + 16] = static_cast<float>(high(pair)) * scale + minimum;
  }
}

// The fifth bits of 32 weights in one word, then nibbles as above.
void decode_fives(const std::byte* block, float scale, int offset, float minimum, float* out) {
  uint32_t fifths;
  std::memcpy(&fifths, block, sizeof fifths);
  for (int i = 0; i < 16; ++i) {
    const uint8_t pair = byte_at(block, 4 + i);
    const int first = low(pair) | static_cast<int>((fifths >> i & 1) << 4),
              second = high(pair) | static_cast<int>((fifths >> (i + 16) & 1) << 4);
    out[i] = static_cast<float>(first - offset) * scale + minimum;
    out[i + 16] = static_cast<float>(second - offset) * scale + minimum;
  }
}

void decode_q5_0(const std::byte* block, float* out) { decode_fives(block + 2, half_at(block, 0), 16, -0.f, out); }
void decode_q5_1(const std::byte* block, float* out) {
  decode_fives(block + 4, half_at(block, 0), 0, half_at(block, 2), out);
}

void decode_q8_0(const std::byte* block, float* out) {
  const float scale = half_at(block, 0);
  for (int i = 0; i < 32; ++i) out[i] = static_cast<float>(signed_at(block, 2 + i)) * scale;
}

// 16 groups of 16 weights of 2 bits: 16 bytes of scale (low nibble) and minimum (high), 64 of weights, two halves.
void decode_q2_k(const std::byte* block, float* out) {
  const float scale = half_at(block, 80), minimum = half_at(block, 82);
  for (int group = 0; group < 16; ++group) {
    const int half = group / 8, shift = group % 8 / 2 * 2, part = group % 2;
    const uint8_t pair = byte_at(block, group);
    const float step = scale * static_cast<float>(low(pair)), base = minimum * static_cast<float>(high(pair));
    for (int i = 0; i < 16; ++i)
      *out++ = step * static_cast<float>(byte_at(block, 16 + 32 * half + 16 * part + i) >> shift & 3) - base;
  }
}

// As Q2_K, with a third bit apart (32 bytes, first), signed 6-bit scales packed into 12 bytes, and no minimum.
void decode_q3_k(const std::byte* block, float* out) {
  const std::byte *thirds = block, *twos = block + 32, *scales = block + 96;
  const float scale = half_at(block, 108);
  for (int group = 0; group < 16; ++group) {
    const int half = group / 8, bit = group % 8 / 2, part = group % 2;
    const uint8_t nibbles = byte_at(scales, group % 8);
    const int packed =
        (group < 8 ? low(nibbles) : high(nibbles)) | (byte_at(scales, 8 + group % 4) >> (2 * (group / 4)) & 3) << 4;
    const float step = scale * static_cast<float>(packed - 32);
    for (int i = 0; i < 16; ++i) {
      const int two = byte_at(twos, 32 * half + 16 * part + i) >> (2 * bit) & 3;
      const bool third = byte_at(thirds, 16 * part + i) >> (4 * half + bit) & 1;
      *out++ = step * static_cast<float>(two - (third ? 0 : 4));
    }
  }
}

// 8 pairs of 6 bits, a scale and a minimum, in 12 bytes: four whole pairs, whose top bits hold those of the other four.
struct Pair {
  float scale, minimum;
};
Pair pair_of(const std::byte* packed, int i) {
  auto at = [&](int j) { return byte_at(packed, j); };
  if (i < 4) return {static_cast<float>(at(i) & 63), static_cast<float>(at(i + 4) & 63)};
  return {static_cast<float>(low(at(i + 4)) | at(i - 4) >> 6 << 4),
          static_cast<float>(high(at(i + 4)) | at(i) >> 6 << 4)};
}

// 8 groups of 32 weights; the low nibbles of 32 bytes are one group, the high ones the next. `fifths`: a bit more for
// each weight, by group; null for none.
void decode_pairs(const std::byte* block, const std::byte* fifths, const std::byte* nibbles, float* out) {
  const float scale = half_at(block, 0), minimum = half_at(block, 2);
  for (int group = 0; group < 8; ++group) {
    const Pair pair = pair_of(block + 4, group);
    const float step = scale * pair.scale, base = minimum * pair.minimum;
    for (int i = 0; i < 32; ++i) {
      const uint8_t both = byte_at(nibbles, 32 * (group / 2) + i);
      const int fifth = fifths ? (byte_at(fifths, i) >> group & 1) << 4 : 0;
      *out++ = step * static_cast<float>((group % 2 ? high(both) : low(both)) | fifth) - base;
    }
  }
}

void decode_q4_k(const std::byte* block, float* out) { decode_pairs(block, nullptr, block + 16, out); }
void decode_q5_k(const std::byte* block, float* out) { decode_pairs(block, block + 16, block + 48, out); }

// 16 groups of 16 weights: 128 bytes of nibbles, 64 of two bits more, 16 signed scales. Two halves of 128 weights.
void decode_q6_k(const std::byte* block, float* out) {
  const std::byte *nibbles = block, *twos = block + 128, *scales = block + 192;
  const float scale = half_at(block, 208);
  for (int group = 0; group < 16; ++group) {
    const int half = group / 8, quarter = group % 8 / 2, part = group % 2;
    const float step = scale * static_cast<float>(signed_at(scales, group));
    for (int i = 16 * part; i < 16 * part + 16; ++i) {
      const uint8_t both = byte_at(nibbles, 64 * half + 32 * (quarter % 2) + i);
      const int two = byte_at(twos, 32 * half + i) >> (2 * quarter) & 3;
      *out++ = step * static_cast<float>(((quarter < 2 ? low(both) : high(both)) | two << 4) - 32);
    }
  }
}

constexpr BlockFormat formats[] = {{"Q4_0", 32, 18, decode_q4_0},   {"Q4_1", 32, 20, decode_q4_1},
                                   {"Q5_0", 32, 22, decode_q5_0},   {"Q5_1", 32, 24, decode_q5_1},
                                   {"Q8_0", 32, 34, decode_q8_0},   {"Q2_K", 256, 84, decode_q2_k},
                                   {"Q3_K", 256, 110, decode_q3_k}, {"Q4_K", 256, 144, decode_q4_k},
                                   {"Q5_K", 256, 176, decode_q5_k}, {"Q6_K", 256, 210, decode_q6_k}};

}  // namespace

void encode_q8_0(const float* x, std::byte* block) {
  float largest = 0;
  for (int i = 0; i < 32; ++i) largest = std::max(largest, std::abs(x[i]));
  const uint16_t half = half_of(largest / 127);
  const float scale = float_of(half), inverse = scale > 0 ? 1 / scale : 0;
  std::memcpy(block, &half, sizeof half);
  for (int i = 0; i < 32; ++i)
    block[2 + i] = static_cast<std::byte>(static_cast<int8_t>(std::clamp(std::round(x[i] * inverse), -127.f, 127.f)));
}

const BlockFormat* find_block_format(std::string_view name) {
  for (const BlockFormat& format : formats)
    if (format.name == name) return &format;
  return nullptr;
}

}  // namespace stemma
