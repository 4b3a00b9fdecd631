// Where words begin in 64 bytes of ASCII, all at once: bit i stands for byte i.
#pragma once

#include <cstdint>

namespace stemma {

struct AsciiBytes {
  uint64_t letters, numbers, spaces, blanks, breaks, quotes;  // of white space: ' ' and \r \n
  uint64_t ascii;                                             // those before the first byte that is none

  explicit AsciiBytes(const char* bytes);  // 64 of them
};

// The bytes at which the patterns of quick_split.h begin a word, where the first byte begins one; contractions apart.
// None where what follows these bytes could matter.
uint64_t gpt2_starts(const AsciiBytes& bytes);
uint64_t cl100k_starts(const AsciiBytes& bytes, int digits);

}  // namespace stemma
