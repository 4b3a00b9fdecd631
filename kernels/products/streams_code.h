// The code of kernels/products/streams.h, over the vectors of an instruction set: `Set` names its Vector of floats and
// Ints of int32, both of `lanes` elements, how both are read, how the lanes of some vectors are summed, and how many
// rows of weights pass together (`tall`): their sums with eight rows of x must fit the registers. Included after a file
// has named its instruction set: what it includes defines nothing.
#pragma once

#include "kernels/products/stream_passes.h"

namespace stemma::cpu {
namespace {

// 32 weights of a row, the i-th such piece of it (of `piece` bytes, rounded down), as floats in vectors; the layouts are
// those of kernels/quants.cpp.
template <class Set>
struct Pieces {
  using Vector = typename Set::Vector;
  using Ints = typename Set::Ints;
  static constexpr int lanes = Set::lanes, vectors = 32 / lanes;

  struct F32 {
    static constexpr int bytes = 4, piece = 32 * bytes;
    STEMMA_INLINE void read(const std::byte* row, int64_t i, Vector (&out)[vectors]) {
#pragma GCC unroll 8
      for (int v = 0; v < vectors; ++v) out[v] = Set::f32(row + 4 * (32 * i + v * lanes));
    }
    STEMMA_INLINE float one(const std::byte* at) { return *reinterpret_cast<const Loose*>(at); }
  };
  struct Bf16 {
    static constexpr int bytes = 2, piece = 32 * bytes;
    STEMMA_INLINE void read(const std::byte* row, int64_t i, Vector (&out)[vectors]) {
#pragma GCC unroll 8
      for (int v = 0; v < vectors; ++v) out[v] = (Vector)(Set::u16(row + 2 * (32 * i + v * lanes)) << 16);
    }
    STEMMA_INLINE float one(const std::byte* at) {
      return __builtin_bit_cast(float, static_cast<uint32_t>(*reinterpret_cast<const LooseShort*>(at)) << 16);
    }
  };
  struct F16 {
    static constexpr int bytes = 2, piece = 32 * bytes;
    STEMMA_INLINE void read(const std::byte* row, int64_t i, Vector (&out)[vectors]) {
#pragma GCC unroll 8
      for (int v = 0; v < vectors; ++v) out[v] = Set::f16(row + 2 * (32 * i + v * lanes));
    }
    STEMMA_INLINE float one(const std::byte* at) { return Set::half(at); }
  };
  struct Q8_0 {
    static constexpr int piece = 34;
    STEMMA_INLINE void read(const std::byte* row, int64_t i, Vector (&out)[vectors]) {
      const std::byte* block = row + 34 * i;
      const float scale = Set::half(block);
#pragma GCC unroll 8
      for (int v = 0; v < vectors; ++v) out[v] = Set::floats(Set::i8(block + 2 + v * lanes)) * scale;
    }
  };
  // Nibbles of 16 bytes, low ones first; `fifths`: a bit more for each weight.
  STEMMA_INLINE void nibbles(const std::byte* at, Ints (&out)[vectors]) {
    constexpr int half = vectors / 2;
#pragma GCC unroll 8
    for (int v = 0; v < half; ++v) {
      const Ints both = Set::u8(at + v * lanes);
      out[v] = both & 15;
      out[v + half] = both >> 4;
    }
  }
  STEMMA_INLINE void add_fifths(const std::byte* at, Ints (&out)[vectors]) {
    const int bits = *reinterpret_cast<const LooseInt*>(at);
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) out[v] |= (((Ints{} + bits) >> (Set::counting() + v * lanes)) & 1) << 4;
  }
  STEMMA_INLINE void scaled(const Ints (&whole)[vectors], float step, float base, Vector (&out)[vectors]) {
#pragma GCC unroll 8
    for (int v = 0; v < vectors; ++v) out[v] = Set::floats(whole[v]) * step + base;
  }
  template <int Bytes, bool Fifths, bool Minimum>
  struct Small {
    static constexpr int piece = Bytes;
    STEMMA_INLINE void read(const std::byte* row, int64_t i, Vector (&out)[vectors]) {
      const std::byte* block = row + Bytes * i;
      const float scale = Set::half(block);
      const float base = Minimum ? Set::half(block + 2) : (Fifths ? -16 : -8) * scale;
      Ints whole[vectors];
      nibbles(block + (Minimum ? 4 : 2) + (Fifths ? 4 : 0), whole);
      if (Fifths) add_fifths(block + (Minimum ? 4 : 2), whole);
      scaled(whole, scale, base, out);
    }
  };
  using Q4_0 = Small<18, false, false>;
  using Q4_1 = Small<20, false, true>;
  using Q5_0 = Small<22, true, false>;
  using Q5_1 = Small<24, true, true>;

  template <int Bytes, bool Fifths>
  struct Pairs {
    static constexpr int piece = Bytes / 8;
    STEMMA_INLINE void read(const std::byte* row, int64_t i, Vector (&out)[vectors]) {
      const std::byte* block = row + Bytes * (i / 8);
      const int group = static_cast<int>(i % 8), shift = group % 2 * 4;
      const auto at = [&](int j) { return static_cast<int>(block[4 + j]); };
      const int scale = group < 4 ? at(group) & 63 : (at(group + 4) & 15) | at(group - 4) >> 6 << 4;
      const int minimum = group < 4 ? at(group + 4) & 63 : at(group + 4) >> 4 | at(group) >> 6 << 4;
      const std::byte* from = block + (Fifths ? 48 : 16) + 32 * (group / 2);
      Ints whole[vectors];
#pragma GCC unroll 8
      for (int v = 0; v < vectors; ++v) {
        whole[v] = (Set::u8(from + v * lanes) >> shift) & 15;
        if (Fifths) whole[v] |= ((Set::u8(block + 16 + v * lanes) >> group) & 1) << 4;
      }
      scaled(whole, Set::half(block) * static_cast<float>(scale), -Set::half(block + 2) * static_cast<float>(minimum),
             out);
    }
  };
  using Q4_K = Pairs<144, false>;
  using Q5_K = Pairs<176, true>;

  struct Q6_K {
    static constexpr int piece = 210 / 8;
    STEMMA_INLINE void read(const std::byte* row, int64_t i, Vector (&out)[vectors]) {
      const std::byte* block = row + 210 * (i / 8);
      const int piece = static_cast<int>(i % 8), half = piece / 4, quarter = piece % 4;
      const float scale = Set::half(block + 208);
      const std::byte *from = block + 64 * half + 32 * (quarter % 2), *twos = block + 128 + 32 * half;
#pragma GCC unroll 8
      for (int v = 0; v < vectors; ++v) {
        const float step = scale * static_cast<float>(static_cast<int8_t>(block[192 + 2 * piece + v * lanes / 16]));
        const Ints low = (Set::u8(from + v * lanes) >> (quarter / 2 * 4)) & 15;
        const Ints high = (Set::u8(twos + v * lanes) >> (2 * quarter)) & 3;
        out[v] = Set::floats((low | high << 4) - 32) * step;
      }
    }
  };

  typedef float Loose __attribute__((aligned(1), may_alias));
  typedef uint16_t LooseShort __attribute__((aligned(1), may_alias));
  typedef int LooseInt __attribute__((aligned(1), may_alias));
};

template <class Set>
struct StreamCode {
  using P = Pieces<Set>;
  using Vector = typename Set::Vector;
  static constexpr int lanes = Set::lanes, vectors = P::vectors;

  template <class Piece>
  static constexpr bool has_tail = requires {
    Piece::bytes;
  };  // block formats have whole pieces only

  template <class Piece>
  struct Way {
    static constexpr int tall = Set::tall, unit = 32, piece = Piece::piece, number = sizeof(float);

    // However many go together, each of them is made in the same order.
    template <int Height, int Rows>
    struct Sums {
      Vector of[Height * Rows];
      void clear() {
#pragma GCC unroll 32
        for (Vector& sum : of) sum = Vector{};
      }
    };

    template <int Height, int Rows, bool Soon>
    STEMMA_INLINE void add(const Stream& s, const std::byte* w, int64_t first, const Part<Soon>& part,
                           Sums<Height, Rows>& sums) {
      const int64_t whole = s.columns / 32, end = part.end < whole ? part.end : whole;
      const float* x = s.near.floats + first * whole * 32 + part.begin * Rows * 32;
      for (int64_t i = part.begin; i < end; ++i, x += Rows * 32) {
        Vector own[Height][vectors];
#pragma GCC unroll 4
        for (int h = 0; h < Height; ++h) {
          if constexpr (Rows > 1) part.template fetch<piece>(i, h);
          Piece::read(w + h * s.w_stride, i, own[h]);
        }
#pragma GCC unroll 8
        for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 8
          for (int v = 0; v < vectors; ++v) {
            Vector there = Set::f32(reinterpret_cast<const std::byte*>(x + r * 32 + v * lanes));
            if constexpr (Height > 1) Set::hold(there);
#pragma GCC unroll 4
            for (int h = 0; h < Height; ++h) sums.of[h * Rows + r] += own[h][v] * there;
          }
      }
    }

    template <int Height, int Rows>
    STEMMA_INLINE void finish(const Stream& s, const std::byte* w, int64_t first, const Sums<Height, Rows>& sums,
                              float* y) {
      float totals[Height * Rows];
      Set::template sum<Height * Rows>(sums.of, totals);
#pragma GCC unroll 4
      for (int h = 0; h < Height; ++h)
#pragma GCC unroll 8
        for (int r = 0; r < Rows; ++r) {
          float sum = totals[h * Rows + r];
          if constexpr (has_tail<Piece>)
            for (int64_t c = s.columns / 32 * 32; c < s.columns; ++c)
              sum += Piece::one(w + h * s.w_stride + c * Piece::bytes) * s.x[(first + r) * s.columns + c];
          y[r * s.y_stride + h] = sum;
        }
    }
  };

  template <class Piece>
  static void unpack(const std::byte* row, int64_t columns, float* out) {
    for (int64_t i = 0; i < columns / 32; ++i) {
      Vector own[vectors];
      Piece::read(row, i, own);
#pragma GCC unroll 8
      for (int v = 0; v < vectors; ++v) *reinterpret_cast<typename Set::Loose*>(out + 32 * i + v * lanes) = own[v];
    }
    if constexpr (has_tail<Piece>)
      for (int64_t c = columns / 32 * 32; c < columns; ++c) out[c] = Piece::one(row + c * Piece::bytes);
  }

  template <class Piece, int Rows>
  static void mix_rows(const Mix& m, int64_t first) {
    const float* x = m.x + first * m.x_stride;
    for (int64_t i = 0; i < m.columns / 32; ++i) {
      Vector sums[Rows * vectors]{};
      const std::byte *w = m.w, *next = m.next ? m.next + i * m.w_rows * Piece::piece : nullptr;
      for (int64_t j = 0; j < m.w_rows; ++j, w += m.w_stride) {
        Vector own[vectors];
        Piece::read(w, i, own);
        if (next && first == 0)
#pragma GCC unroll 2
          for (int line = 0; line < Piece::piece; line += 64) __builtin_prefetch(next + j * Piece::piece + line, 0, 3);
#pragma GCC unroll 8
        for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 8
          for (int v = 0; v < vectors; ++v) sums[r * vectors + v] += own[v] * x[r * m.x_stride + j];
      }
      float* y = m.y + first * m.y_stride + i * 32;
#pragma GCC unroll 8
      for (int r = 0; r < Rows; ++r)
#pragma GCC unroll 8
        for (int v = 0; v < vectors; ++v)
          *reinterpret_cast<typename Set::Loose*>(y + r * m.y_stride + v * lanes) = sums[r * vectors + v];
    }
  }
  // As many rows together as have their sums in registers, then the rest of them.
  template <class Piece, int Rows = lanes / 2>
  static void mix(const Mix& m, int64_t first = 0) {
    for (; m.rows - first >= Rows; first += Rows) mix_rows<Piece, Rows>(m, first);
    if constexpr (Rows > 1)
      if (first < m.rows) mix<Piece, Rows - 1>(m, first);
  }
  template <class Piece>
  static void mix_all(const Mix& m) {
    mix<Piece>(m);
  }

  template <class... Each>
  static constexpr Streams of(const Multiply* interleaved) {
    return {{Passes<Way<Each>>::multiply...},
            {},
            {unpack<Each>...},
            {mix_all<typename P::F32>, mix_all<typename P::Bf16>, mix_all<typename P::F16>},
            interleaved};
  }
  static constexpr Streams all(const Multiply* interleaved) {
    return of<typename P::F32, typename P::Bf16, typename P::F16, typename P::Q4_0, typename P::Q4_1, typename P::Q5_0,
              typename P::Q5_1, typename P::Q8_0, typename P::Q4_K, typename P::Q5_K, typename P::Q6_K>(interleaved);
  }
};

}  // namespace
}  // namespace stemma::cpu
