// The code of interleaved blocks (kernels/products/interleaved.h) with any number of rows of x, in whole numbers of 16
// bits: a row of y has the same bits however many there are. For each row of x a vector takes one or two instructions,
// which is half of what a block takes where rows lie apart, and nothing is added across lanes.
// Included after a file has included kernels/scratch.h and kernels/products/matrix_{tiles,unit}.h and named its
// instruction set. Its `Set` is that of kernels/products/panel_rows_code.h, and says how bytes become lanes:
//   Words                  a unit, of two or four bytes, of each row of `vectors` vectors, in their order;
//   bytes, floats, halves  (words, v): the v-th vector of them, as units of unsigned bytes, signed words or f16, in the
//                          order that arrange(vectors, count) changes to that of rows, and back;
//   signed_bytes, halves   (where a vector's own lie): in the order of rows; bytes too large by `signed_offset`;
//   fifths(bits, first)    of each word the bits of a unit's columns, as the fifth bits of its bytes.
#pragma once

#include <cassert>

#include "kernels/products/matrix_tiles.h"
#include "kernels/products/matrix_unit.h"
#include "kernels/products/panel_rows_code.h"
#include "kernels/scratch.h"

namespace stemma::cpu {
namespace {

template <class Set>
struct InterleavedCode {
  using Words = typename Set::Words;
  using Ints = typename Set::Ints;
  using Word = typename Set::Word;
  using Floats = typename Set::Floats;
  static constexpr int lanes = Set::lanes, unit = Set::unit;
  static constexpr int64_t few = 2 * together;  // rows of x that take longer to make ready for

  // 32 rows of blocks, each of `Groups` times 32 columns.
  template <WeightType Type, int Groups, bool InOrder = false>
  struct Blocks {
    static constexpr int width = interleaved_rows / lanes, steps = 1;
    static constexpr int of_blocks = weight_formats[static_cast<size_t>(Type)].bytes * interleaved_rows;
    static constexpr int bytes = of_blocks / Groups;
    static constexpr bool in_order = InOrder || Set::in_order;
    const std::byte* block = nullptr;
    int64_t ahead = 0;           // how far on memory is asked for, in bytes; 0: not at all
    int64_t left = 0, jump = 0;  // bytes that are asked for before the next panel's, which are so much further on
    int group = 0;

    void operator++() {
      if (++group == Groups) group = 0, block += of_blocks;
    }
    void ask() {
      if (!ahead) return;
      left -= bytes;
      if (left < 0) ahead += jump, jump = 0;
      const std::byte* from = block + group * bytes + ahead;
#pragma GCC unroll 32
      for (int line = 0; line < bytes; line += 64) __builtin_prefetch(from + line, 0, 3);
    }

    // Byte i and what is beside it, of each row: of the v-th vector alone, and of all that words hold with it.
    const std::byte* alone(int v, int i, int beside = unit) const {
      return block + i * interleaved_rows + beside * lanes * v;
    }
    Words words(int v, int i) const {
      return *reinterpret_cast<const typename Set::LooseWords*>(alone(v / Set::vectors * Set::vectors, i));
    }
    // Byte i, with what is beside it above.
    Words one(int v, int i) const { return words(v, i / unit * unit) >> (i % unit * 8); }
    Floats half(int v, int i) const {
      if constexpr (in_order)
        return Set::halves(alone(v, i, 2));
      else
        return Set::halves(words(v, i), v % Set::vectors);
    }
    Floats step(int v, int) const { return half(v, 0); }

    static constexpr Word each(int byte) { return static_cast<Word>(static_cast<Word>(~Word{}) / 0xFF * byte); }
    static Words nibbles(Words words, int bits) { return (words >> bits) & each(0x0F); }
    static Ints wide(Words bytes, int v) { return Set::bytes(bytes, v % Set::vectors); }
    static Floats floats(Words x, int v) { return Set::floats(x, v % Set::vectors); }
  };

  struct Whole : Blocks<WeightType::q8_0, 1, true> {
    static constexpr int offset = Set::signed_offset;
    static constexpr bool based = false, opens = false;
    Ints numbers(int v, int k) const { return Set::signed_bytes(this->alone(v, 2 + unit * k)); }
    const std::byte* lines() const { return this->alone(0, 2); }
  };

  template <WeightType Type, bool Fifths, bool Minimum>
  struct Nibbles : Blocks<Type, 1> {
    static constexpr bool based = Minimum, opens = true;
    static constexpr int head = Minimum ? 4 : 2, offset = Minimum ? 0 : Fifths ? 16 : 8;
    using Of = Blocks<Type, 1>;
    using Of::words, Of::half, Of::nibbles, Of::wide;

    Ints numbers(int v, int k) const {
      constexpr int half = piece / 2 / unit;  // units whose low nibbles pass first
      Words whole = nibbles(words(v, head + (Fifths ? 4 : 0) + unit * (k % half)), k / half * 4);
      if constexpr (Fifths) whole |= Set::fifths(words(v, head + unit * (k / 8)), unit * (k % 8));
      return wide(whole, v);
    }
    Floats base(int v) const { return half(v, 2); }
  };

  template <WeightType Type, bool Fifths>
  struct ScaledPairs : Blocks<Type, 8> {
    static constexpr int offset = 0;
    static constexpr bool based = true, opens = true;
    using Of = Blocks<Type, 8>;
    using Of::group, Of::words, Of::one, Of::half, Of::nibbles, Of::wide, Of::floats, Of::each;

    Ints numbers(int v, int k) const {
      Words whole = nibbles(words(v, (Fifths ? 48 : 16) + 32 * (group / 2) + unit * k), group % 2 * 4);
      if constexpr (Fifths) whole |= ((words(v, 16 + unit * k) >> group) & each(1)) << 4;
      return wide(whole, v);
    }
    Floats step(int v, int) const { return half(v, 0) * packed(v, 4 + group + (group < 4 ? 0 : 4), 0, group); }
    Floats base(int v) const { return -half(v, 2) * packed(v, 8 + group, group < 4 ? 0 : 4, 4 + group); }

   private:
    // The six lowest bits of byte i for the first four groups; for the others four bits of it and the two highest of
    // byte j. Without a branch, for which g++ would keep sums of products in memory.
    Floats packed(int v, int i, int shift, int j) const {
      const auto first = static_cast<Word>(group < 4), low = static_cast<Word>(15 + 48 * first),
                 high = static_cast<Word>(48 - 48 * first);
      return floats(((one(v, i) >> shift) & low) | ((one(v, j) >> 2) & high), v);
    }
  };

  struct Sixes : Blocks<WeightType::q6_k, 8> {
    static constexpr int offset = 32;
    static constexpr bool based = false, opens = true;
    static constexpr int steps = 2;

    Ints numbers(int v, int k) const {
      const int side = this->group / 4, quarter = this->group % 4;
      const Words low = this->nibbles(this->words(v, 64 * side + 32 * (quarter % 2) + unit * k), quarter / 2 * 4);
      const Words high = (this->words(v, 128 + 32 * side + unit * k) >> (2 * quarter)) & this->each(3);
      return this->wide(low | high << 4, v);
    }
    Floats step(int v, int i) const {
      using Signed = decltype(Words{} < 0);
      constexpr int above = 8 * (unit - 1);
      const Words scale = (Words)((Signed)(this->one(v, 192 + 2 * this->group + i) << above) >> above);
      return this->half(v, 208) * this->floats(scale, v);
    }
  };

  // Of a few rows of x: several groups at once, whose next bytes are asked for while these are read.
  template <class Panel>
  static void multiply_few(const Stream& s, bool unit) {
    constexpr int64_t far = 8192;  // of all groups together
    const int64_t group = s.w_stride * interleaved_rows;
    for (Stream now = s; now.begin < s.end;) {
      const int64_t groups = (s.end - now.begin + interleaved_rows - 1) / interleaved_rows;
      const int count = groups < side_by_side ? static_cast<int>(groups) : side_by_side;
      const int64_t ahead = far / count;
      Panel panels[side_by_side];
      for (int i = 0; i < count; ++i) {
        panels[i].block = s.w + now.begin * s.w_stride + i * group;
        panels[i].ahead = ahead;
        panels[i].left = group - ahead;
        panels[i].jump = (count - 1) * group;
      }
      multiply_all<Set>(panels, count, now, unit, 0, s.columns);
      now.begin += count * interleaved_rows;
    }
  }

  template <class Panel>
  static void multiply(const Stream& s) {
    assert(s.begin % interleaved_rows == 0);
    if constexpr (Set::rows_of_unit != 0 && Panel::steps == 1)
      if (s.rows >= Set::rows_of_unit && has_matrix_unit()) {
        const matrix_tiles::UnitInUse in_use(Set::shapes);
        return multiply_groups<Panel>(s, true);
      }
    multiply_groups<Panel>(s, false);
  }

  template <class Panel>
  static void multiply_groups(const Stream& s, bool unit) {
    if (s.rows <= few) return multiply_few<Panel>(s, unit);
    assert(s.end - s.begin <= interleaved_rows);
    Panel w{s.w + s.begin * s.w_stride};
    if constexpr (!Panel::opens) return multiply_all<Set>(&w, 1, s, unit, 0, s.columns);
    // All but the first of them find it in the caches.
    using Ready = Opened<Set, Panel>;
    thread_local Scratch kept;
    auto* const ready =
        reinterpret_cast<Ready*>(kept.make<std::byte>(part / piece * static_cast<int64_t>(sizeof(Ready))));
    for (int64_t begin = 0; begin < s.columns; begin += part) {
      const int64_t end = begin + part < s.columns ? begin + part : s.columns;
      for (int64_t i = 0; i < (end - begin) / piece; ++i, ++w) ready[i].open(w);
      const Row<Set, Panel> row{ready};
      multiply_all<Set>(&row, 1, s, unit, begin, end);
    }
  }

  static constexpr Multiply q4_0 = multiply<Nibbles<WeightType::q4_0, false, false>>,
                            q4_1 = multiply<Nibbles<WeightType::q4_1, false, true>>,
                            q5_0 = multiply<Nibbles<WeightType::q5_0, true, false>>,
                            q5_1 = multiply<Nibbles<WeightType::q5_1, true, true>>, q8_0 = multiply<Whole>,
                            q4_k = multiply<ScaledPairs<WeightType::q4_k, false>>,
                            q5_k = multiply<ScaledPairs<WeightType::q5_k, true>>, q6_k = multiply<Sixes>;
};

}  // namespace
}  // namespace stemma::cpu
