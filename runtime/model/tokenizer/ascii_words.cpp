#include "runtime/model/tokenizer/ascii_words.h"

#include <bit>
#include <cstring>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace stemma {

namespace {

using Bytes __attribute__((vector_size(16))) = uint8_t;

// One bit for each byte, which is 0 or 255.
uint64_t bits_of(Bytes flags) {
#if defined(__SSE2__)
  return static_cast<uint64_t>(_mm_movemask_epi8(std::bit_cast<__m128i>(flags)));
#else
  uint64_t bits = 0;
  for (int i = 0; i < 16; ++i) bits |= uint64_t{flags[i] & 1u} << i;
  return bits;
#endif
}

Bytes within(Bytes bytes, uint8_t first, uint8_t last) {
  return std::bit_cast<Bytes>(bytes - first <= static_cast<uint8_t>(last - first));
}

uint64_t first_of_run(uint64_t run) { return run & ~(run << 1); }

// Those of `run` from which nothing but `run` leads to one of `ends`.
uint64_t leading_to(uint64_t ends, uint64_t run) {
  uint64_t found = (ends >> 1) & run;
  for (int step = 1; step < 64; step *= 2) {
    found |= (found >> step) & run;
    run &= run >> step;
  }
  return found;
}

// Up to the last byte that is no white space and has three known ones behind it: as far as any word's beginning looks
// ahead, once the white space before it ends.
uint64_t certain(const AsciiBytes& bytes) {
  const uint64_t words = ~bytes.spaces & (bytes.ascii >> 3);
  return words ? ~uint64_t{0} >> std::countl_zero(words) : 0;
}

}  // namespace

AsciiBytes::AsciiBytes(const char* bytes) : letters(0), numbers(0), spaces(0), blanks(0), breaks(0), quotes(0) {
  uint64_t beyond = 0;
  for (int i = 0; i < 64; i += 16) {
    Bytes here;
    std::memcpy(&here, bytes + i, sizeof here);
    const Bytes blank = std::bit_cast<Bytes>(here == ' ');
    letters |= bits_of(within(here | 0x20, 'a', 'z')) << i;
    numbers |= bits_of(within(here, '0', '9')) << i;
    blanks |= bits_of(blank) << i;
    spaces |= bits_of(blank | within(here, '\t', '\r')) << i;
    breaks |= bits_of(std::bit_cast<Bytes>((here == '\n') | (here == '\r'))) << i;
    quotes |= bits_of(std::bit_cast<Bytes>(here == '\'')) << i;
    beyond |= bits_of(within(here, 0x80, 0xFF)) << i;
  }
  ascii = beyond ? (beyond & -beyond) - 1 : ~uint64_t{0};
}

uint64_t gpt2_starts(const AsciiBytes& bytes) {
  const uint64_t others = ~(bytes.letters | bytes.numbers | bytes.spaces);
  const uint64_t words = first_of_run(bytes.letters) | first_of_run(bytes.numbers) | first_of_run(others);
  const uint64_t gaps = bytes.spaces & ~(bytes.spaces << 1 & bytes.spaces >> 1);
  return ((words & ~(bytes.blanks << 1)) | gaps) & certain(bytes);
}

uint64_t cl100k_starts(const AsciiBytes& bytes, int digits) {
  const uint64_t others = ~(bytes.letters | bytes.numbers | bytes.spaces);
  const uint64_t symbols = first_of_run(others) & ~(bytes.blanks << 1);
  uint64_t numbers = bytes.numbers;
  if (digits == 3) {
    numbers = first_of_run(numbers);
    const uint64_t fourth = bytes.numbers & bytes.numbers << 1 & bytes.numbers << 2;
    for (uint64_t group = numbers; group;) numbers |= group = group << 3 & fourth;
  }
  // Line breaks right after symbols are theirs; the rest of white space is cut after its last line break.
  const uint64_t taken = bytes.breaks & ~(bytes.breaks + (others << 1 & bytes.breaks));
  const uint64_t gaps = bytes.spaces & ~taken, breaks = bytes.breaks & gaps, plain = gaps & ~breaks;
  const uint64_t last = plain & ~leading_to(breaks, plain);
  const uint64_t prefixed = (plain | symbols) << 1;
  return (symbols | numbers | (first_of_run(bytes.letters) & ~prefixed) | first_of_run(gaps) |
          (last & (breaks << 1 | ~(bytes.spaces >> 1)))) &
         certain(bytes);
}

}  // namespace stemma
