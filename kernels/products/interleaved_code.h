// The code of interleaved blocks (kernels/products/interleaved.h) with any number of rows of x, in whole numbers of 16
// bits: a row of y has the same bits however many there are. For each row of x a vector's pairs of columns take one or
// two instructions, which is half of what a block takes where rows lie apart, and nothing is added across lanes.
// Included after a file has included kernels/scratch.h and named its instruction set. Its `Set` is that of
// kernels/products/panel_rows_code.h, and says how bytes become lanes:
//   Words                  two bytes of each row of `vectors` vectors, in their order;
//   bytes, floats, halves  (words, v): the v-th vector of them, as pairs of unsigned bytes, signed words or f16, in the
//                          order that arrange(vectors, count) changes to that of rows, and back;
//   signed_bytes, halves   (where a vector's own lie): in the order of rows.
#pragma once

#include <cassert>

#include "kernels/products/panel_rows_code.h"
#include "kernels/scratch.h"

namespace stemma::cpu {
namespace {

template <class Set>
struct InterleavedCode {
  using Words = typename Set::Words;
  using Ints = typename Set::Ints;
  using Shorts = typename Set::Shorts;
  using Floats = typename Set::Floats;
  static constexpr int lanes = Set::lanes;
  static constexpr int64_t few = 2 * together;  // rows of x that take longer to make ready for

  // 32 rows of blocks, each of `Groups` times 32 columns.
  template <WeightType Type, int Groups, bool InOrder = false>
  struct Blocks {
    static constexpr int width = interleaved_rows / lanes, steps = 1, ahead = 8192;
    static constexpr int of_blocks = weight_formats[static_cast<size_t>(Type)].bytes * interleaved_rows;
    static constexpr int bytes = of_blocks / Groups;
    static constexpr bool in_order = InOrder;
    const std::byte* block;
    int group = 0;

    void operator++() {
      if (++group == Groups) group = 0, block += of_blocks;
    }
    const std::byte* at() const { return block + group * bytes; }

    // Bytes i and i + 1 of each row: of the v-th vector alone, and of all that words hold with it.
    const std::byte* alone(int v, int i) const { return block + i * interleaved_rows + 2 * lanes * v; }
    Words two(int v, int i) const {
      return *reinterpret_cast<const typename Set::LooseWords*>(alone(v / Set::vectors * Set::vectors, i));
    }
    // Byte i, with what is beside it above.
    Words one(int v, int i) const { return two(v, i & ~1) >> (i % 2 * 8); }
    Floats half(int v, int i) const {
      return InOrder ? Set::halves(alone(v, i)) : Set::halves(two(v, i), v % Set::vectors);
    }
    Floats step(int v, int) const { return half(v, 0); }

    static Words nibbles(Words words, int bits) { return (words >> bits) & 0x0F0F; }
    static Ints wide(Words bytes, int v) { return Set::bytes(bytes, v % Set::vectors); }
    static Floats floats(Words x, int v) { return Set::floats(x, v % Set::vectors); }
  };

  struct Whole : Blocks<WeightType::q8_0, 1, true> {
    static constexpr bool based = false, opens = false;
    Ints pairs(int v, int k) const { return Set::signed_bytes(this->alone(v, 2 + 2 * k)); }
  };

  template <WeightType Type, bool Fifths, bool Minimum>
  struct Nibbles : Blocks<Type, 1> {
    static constexpr bool based = true, opens = true;
    static constexpr int head = Minimum ? 4 : 2;
    using Of = Blocks<Type, 1>;
    using Of::two, Of::half, Of::nibbles, Of::wide;

    Ints pairs(int v, int k) const {
      Words whole = nibbles(two(v, head + (Fifths ? 4 : 0) + 2 * (k % 8)), k / 8 * 4);
      if constexpr (Fifths) {
        const Words bits = two(v, head + 2 * (k / 8)) >> (2 * (k % 8));  // the pair's two are lowest
        whole |= ((bits << 4) & 0x0010) | ((bits << 11) & 0x1000);
      }
      return wide(whole, v);
    }
    Floats base(int v) const { return Minimum ? half(v, 2) : half(v, 0) * (Fifths ? -16.0f : -8.0f); }
  };

  template <WeightType Type, bool Fifths>
  struct ScaledPairs : Blocks<Type, 8> {
    static constexpr bool based = true, opens = true;
    using Of = Blocks<Type, 8>;
    using Of::group, Of::two, Of::one, Of::half, Of::nibbles, Of::wide, Of::floats;

    Ints pairs(int v, int k) const {
      Words whole = nibbles(two(v, (Fifths ? 48 : 16) + 32 * (group / 2) + 2 * k), group % 2 * 4);
      if constexpr (Fifths) whole |= ((two(v, 16 + 2 * k) >> group) & 0x0101) << 4;
      return wide(whole, v);
    }
    Floats step(int v, int) const { return half(v, 0) * packed(v, 4 + group + (group < 4 ? 0 : 4), 0, group); }
    Floats base(int v) const { return -half(v, 2) * packed(v, 8 + group, group < 4 ? 0 : 4, 4 + group); }

   private:
    // The six lowest bits of byte i for the first four groups; for the others four bits of it and the two highest of
    // byte j. Without a branch, for which g++ would keep sums of products in memory.
    Floats packed(int v, int i, int shift, int j) const {
      const auto first = static_cast<uint16_t>(group < 4), low = static_cast<uint16_t>(15 + 48 * first),
                 high = static_cast<uint16_t>(48 - 48 * first);
      return floats(((one(v, i) >> shift) & low) | ((one(v, j) >> 2) & high), v);
    }
  };

  struct Sixes : Blocks<WeightType::q6_k, 8> {
    static constexpr bool based = false, opens = true;
    static constexpr int steps = 2;

    Ints pairs(int v, int k) const {
      const int side = this->group / 4, quarter = this->group % 4;
      const Words low = this->nibbles(this->two(v, 64 * side + 32 * (quarter % 2) + 2 * k), quarter / 2 * 4);
      const Words high = (this->two(v, 128 + 32 * side + 2 * k) >> (2 * quarter)) & 0x0303;
      return (Ints)((Shorts)this->wide(low | high << 4, v) - 32);
    }
    Floats step(int v, int i) const {
      using Signed = decltype(Words{} < 0);
      const Words scale = (Words)((Signed)(this->one(v, 192 + 2 * this->group + i) << 8) >> 8);
      return this->half(v, 208) * this->floats(scale, v);
    }
  };

  // For many rows of x, of which all but the first find it in the caches. Where one instruction makes its pairs it
  // stays as it lies, which is smaller.
  template <class Panel>
  struct Near : Panel {
    static constexpr int ahead = 0;
  };
  // Else it is made ready.
  template <class Panel>
  struct Opened {
    static constexpr int width = Panel::width, steps = Panel::steps;
    static constexpr bool based = Panel::based, in_order = Panel::in_order;
    Ints pairs_of[pairs_of_piece][width];
    Floats step_of[steps][width], base_of[width];

    void open(const Panel& panel) {
      for (int v = 0; v < width; ++v) {
        for (int k = 0; k < pairs_of_piece; ++k) pairs_of[k][v] = panel.pairs(v, k);
        for (int i = 0; i < steps; ++i) step_of[i][v] = panel.step(v, i);
        if constexpr (based) base_of[v] = panel.base(v);
      }
    }
    Ints pairs(int v, int k) const { return pairs_of[k][v]; }
    Floats step(int v, int i) const { return step_of[i][v]; }
    Floats base(int v) const { return base_of[v]; }
  };

  template <class Panel>
  static void multiply(const Stream& s) {
    assert(s.begin % interleaved_rows == 0 && s.end - s.begin <= interleaved_rows);
    Panel w{s.w + s.begin * s.w_stride};
    if (s.rows <= few) return multiply_all<Set>(w, s, 0, s.columns);
    if constexpr (!Panel::opens) return multiply_all<Set>(Near<Panel>{w}, s, 0, s.columns);
    using Ready = Opened<Panel>;
    thread_local Scratch kept;
    auto* const ready =
        reinterpret_cast<Ready*>(kept.make<std::byte>(part / piece * static_cast<int64_t>(sizeof(Ready))));
    for (int64_t begin = 0; begin < s.columns; begin += part) {
      const int64_t end = begin + part < s.columns ? begin + part : s.columns;
      for (int64_t i = 0; i < (end - begin) / piece; ++i, ++w) ready[i].open(w);
      multiply_all<Set>(Row<Ready>{ready}, s, begin, end);
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
