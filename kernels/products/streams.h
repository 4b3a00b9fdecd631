// Weights that pass through the processor once: products of a few rows with all of a matrix, at the memory's speed.
//
// Each instruction set has its own file, streams_*.cpp, as with kernels/products/tiles.h.
#pragma once

#include "kernels/weight_matrix.h"

namespace stemma::cpu {

// How a stream reads x: as it is, rounded to bf16, or rounded to whole numbers of 16 bits, 32 columns to a scale, each
// within 2^-15.9 of the largest of them. Those are words, or the high bytes of 32 columns and then their low bytes, all
// with a sign.
enum class RowForm { floats, bf16, words, bytes };

// Rows of x as streams read them, `together` rows by as many: of such a group 32 columns of each row, then the next 32,
// while whole ones last. Rows of x themselves are often apart by a power of two, and drive each other out of the cache.
struct StreamRows {
  static constexpr int together = 8, piece = 32, of_piece = 2 * piece;  // columns, bytes of whole numbers
  const float* floats;
  const uint16_t* halves;  // bf16, zeros up to a whole piece
  const std::byte* whole;  // words or bytes: x = scale whole, the nearest; the columns of a piece have one scale
  const float* scales;     // of such a group: of each piece, of each row
  const float* sums;       // of such a group: of each piece, of each row: scale * sum of whole
  const int* totals;       // of such a group: of each piece, of each row: sums of whole, of 16 columns each
};

// y = x w^T for rows [begin, end) of w: y[i * y_stride + r] = <x row i, w row r>. x (rows, columns) f32. Each number of
// y is the same to the last bit whatever the other rows are.
struct Stream {
  const std::byte* w;
  int64_t w_stride;  // bytes
  int64_t begin, end;
  const float* x;
  StreamRows near;  // x again
  int64_t rows, columns;
  float* y;
  int64_t y_stride;
  const std::byte* next = nullptr;  // where as many bytes lie that come after these; of several rows of x alone
};

// y = x w: y[i * y_stride + c] = sum_r x[i * x_stride + r] w row r[c], of w's rows in their order; columns are whole
// pieces. Each row of y is the same to the last bit whatever the others are.
struct Mix {
  const std::byte* w;
  int64_t w_stride;  // bytes
  int64_t w_rows, columns;
  const float* x;
  int64_t x_stride, rows;
  float* y;
  int64_t y_stride;
  const std::byte* next = nullptr;  // where as many bytes lie that come after these
};

using Multiply = void (*)(const Stream& stream);

struct Streams {
  Multiply multiply[weight_types];                       // each weight is read once for all rows of x
  RowForm form[weight_types];                            // that multiply reads x in
  void (*unpack[weight_types])(const std::byte* row, int64_t columns, float* out);
  void (*mix[weight_types])(const Mix& mix);  // of f32, bf16 and f16
  // multiply for rows of w that are interleaved (kernels/products/interleaved.h), by twos for x in words, by fours for
  // x in bytes: whole groups with up to 16 rows of x, one group with any number of them. Null where there is none, of
  // all types or of one.
  const Multiply* multiply_interleaved = nullptr;
  int interleaved_bytes = 2;
};

extern const Streams streams_plain;
#if defined(__x86_64__)
extern const Streams streams_avx2, streams_avx512;
const Streams& streams_vnni();  // streams_avx512, but for interleaved blocks
const Streams& streams_bf16();  // bf16 as such, the rest as streams_vnni
extern const Multiply interleaved_avx2[weight_types], interleaved_vnni[weight_types];
#endif
const Streams& best_streams();  // the best this processor has

}  // namespace stemma::cpu
