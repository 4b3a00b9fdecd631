// Matrices of blocks whose rows are interleaved, as a vector unit wants them: of 32 rows the first bytes of each, then
// the next of each, and so on, two or four at a time (Streams::interleaved_bytes), but f16 always by themselves. So the
// lanes of a vector hold the same columns of as many rows, and sums over columns need no adding across lanes; bytes are
// as many as before, and of 32 rows they lie together. A last group that has fewer takes as much room. Blocks of Q8_0
// become tiles of 17 cache lines: the 32 rows' steps, then for each two or four columns one or two lines of numbers;
// those of Q4_K tiles of 72: steps, minima, six lines of scales, then 64 of nibbles.
#pragma once

#include <span>

#include "kernels/products/streams.h"

namespace stemma::cpu {

// Rows [first, first + rows.size() / row_bytes) of an interleaved matrix, from and to the layout of files.
void interleave(std::span<const std::byte> rows, const WeightMatrix& to, int64_t first, const Streams& streams);
void separate(const WeightMatrix& from, int64_t first, std::span<std::byte> rows, const Streams& streams);

// A row of any matrix in f32, `out` (columns).
void unpack_row(const WeightMatrix& w, int64_t row, float* out, const Streams& streams);

}  // namespace stemma::cpu
