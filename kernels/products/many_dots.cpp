// The rows are turned over, some numbers of them at a time, so that each lies in a lane: a number of another meets
// lanes of them at once, and sums stay in registers for all those numbers. Dots that go along the numbers have sixteen
// times as many sums to add up.
#include "kernels/products/many_dots.h"

#include <algorithm>

#include "kernels/divide_up.h"
#include "kernels/scratch.h"

namespace stemma::cpu {
namespace {

constexpr int64_t least_others = 16;  // fewer take longer to turn rows over for than to meet
constexpr int64_t deep = 768;         // numbers at a time: of all rows they stay in the second cache

}  // namespace

bool takes_many_dots(const Tiles& tiles, int64_t others) { return tiles.lanes == 16 && others >= least_others; }

void many_dots(const Tiles& tiles, const DotsJob& job) {
  const int64_t parts = divide_up(job.length, deep), wide = divide_up(job.rows, tiles.lanes) * tiles.lanes;
  thread_local Scratch kept, found;
  float* const panel = kept.make(divide_up(job.length, parts) * wide);
  std::fill_n(panel, wide > job.rows ? divide_up(job.length, parts) * wide : 0, 0.0f);  // lanes of no row
  float* const sums = found.make(job.others * wide);
  std::fill_n(sums, job.others * wide, 0.0f);
  for (int64_t piece = 0; piece < job.pieces; ++piece)
    for (int64_t part = 0; part < parts; ++part) {
      const int64_t begin = job.length * part / parts, steps = job.length * (part + 1) / parts - begin;
      tiles.transpose(job.a + piece * job.a_piece + begin, job.a_row, job.rows, steps, panel, wide);
      tiles.product({.a = job.b + piece * job.b_piece + begin,
                     .a_row = job.b_row,
                     .a_step = 1,
                     .b = panel,
                     .b_row = wide,
                     .c = sums,
                     .c_row = wide,
                     .rows = job.others,
                     .columns = wide,
                     .steps = steps,
                     .add = true,
                     .comes_past = true});
    }
  for (int64_t s = 0; s < job.rows; ++s)
    for (int64_t q = 0; q < job.others; ++q) job.dots[s * job.dots_row + q] += sums[q * wide + s];
}

}  // namespace stemma::cpu
