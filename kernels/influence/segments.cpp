// Sums over the tokens of each segment: the parameter gradient of a document is g^T a over its rows.
//
// Products are register tiles' or oneDNN's, of blocks that stay in the caches until what is wanted of them is taken: no
// whole product is written. How far a block reaches depends on the shape alone, so that no sum depends on threads or
// other segments.
//
// T tokens, layers P x M, Q queries of full rank: forming the gradient takes 2 T P M and each dot product 2 P M; images
// a V^T with row dots would take 2 T P M for each query. So the gradient is formed for every Q, whatever T: at one
// query both cost the same. Blocks of many segments lie side by side when the queries meet them, so that those are read
// once for all.
//
// S segments do 2 S operations with each number of a query, 4 bytes that come from memory: a core that multiplies 250
// GFLOP/s and reads 28 GB/s waits for memory where S is below 18. So queries are asked for before they are met
// (kernels/products/dots_code.h; many of them kernels/products/many_dots.h).
#include <omp.h>

#include <algorithm>
#include <vector>

#include "kernels/cpu_kernels.h"
#include "kernels/divide_up.h"
#include "kernels/products/many_dots.h"
#include "kernels/products/pairs.h"
#include "kernels/scratch.h"

namespace stemma::cpu {
namespace {

constexpr int64_t wide = 1024;              // columns of a block, at most; oneDNN copies them for so many rows:
constexpr int64_t high[] = {48, 96, 192};   // of columns up to a half, to three quarters of that, and more
constexpr int64_t most_together = 48;       // segments whose blocks meet the queries together,
constexpr int64_t most_expanded = 192;      // those that meet queries of low rank, which each meeting multiplies out,
constexpr int64_t held_numbers = 4 << 20;   // and numbers of those
constexpr int64_t spread = 1024;            // numbers after which addresses share lines of the first-level cache
constexpr int64_t parts_numbers = 8 << 20;  // of scores that blocks find before they are added
constexpr int64_t met_queries = 128;        // whose sums stay near
constexpr int64_t expanded = 96 << 10;      // numbers of a query of low rank that are multiplied out at a time,
constexpr int64_t expanded_queries = 12;    // and of so many
constexpr int64_t narrow = 1000;  // columns of what gram takes in blocks of the first of these; else of the second
constexpr int64_t gram_rows[] = {32, 64}, gram_columns[] = {192, 1 << 20};

// The blocks of a product (P,M), of its shape alone; `parts` times as many where they are to be smaller.
class Blocks {
 public:
  Blocks(int64_t outputs, int64_t inputs, int64_t parts = 1)
      : outputs_(outputs), inputs_(inputs), columns_(divide_up(inputs, divide_up(inputs, wide))) {
    const int64_t most = high[2 * columns_ <= wide ? 0 : 4 * columns_ <= 3 * wide ? 1 : 2] / parts;
    // Fours of blocks, which few threads share evenly.
    rows_ = divide_up(divide_up(outputs, divide_up(divide_up(outputs, most), 4) * 4), 4) * 4;
    across_ = divide_up(inputs, columns_);
  }
  struct Block {
    int64_t row, rows, column, columns;
  };
  int64_t count() const { return divide_up(outputs_, rows_) * across_; }
  int64_t numbers() const { return rows_ * columns_; }
  bool in_vectors(int64_t lanes) const { return inputs_ % lanes == 0 && columns_ % lanes == 0; }
  Block operator[](int64_t i) const {
    const int64_t row = i / across_ * rows_, column = i % across_ * columns_;
    return {row, std::min(rows_, outputs_ - row), column, std::min(columns_, inputs_ - column)};
  }

 private:
  int64_t outputs_, inputs_, columns_, rows_, across_;
};

constexpr int64_t summed = 64;  // numbers whose sums are in registers or near

// to += the sum of `rows` rows that are `stride` apart.
STEMMA_CLONES void add_rows(const float* from, int64_t rows, int64_t stride, int64_t count, float* to) {
  float sums[summed] = {};
  for (int64_t i = 0; i < rows; ++i, from += stride)
#pragma omp simd
    for (int64_t n = 0; n < count; ++n) sums[n] += from[n];
  for (int64_t n = 0; n < count; ++n) to[n] += sums[n];
}

// The rows of g that the segment after s multiplies, to be asked for meanwhile.
NextRows rows_after(Tensor g, std::span<const Segment> segments, int64_t s, const Blocks::Block& block) {
  const auto next = static_cast<size_t>(s) + 1;
  if (next == segments.size()) return {};
  constexpr int64_t number = sizeof(float);
  const int64_t begin = segments[next].query_begin;
  return {reinterpret_cast<const std::byte*>(g.row(begin) + block.row), g.columns * number, block.rows * number,
          segments[next].query_end - begin};
}

// That of segment s.
void multiply(Tensor g, Tensor a, std::span<const Segment> segments, int64_t s, const Blocks::Block& block,
              float* held) {
  const Segment& segment = segments[static_cast<size_t>(s)];
  outer(g.row(segment.query_begin) + block.row, g.columns, a.row(segment.query_begin) + block.column, a.columns,
        segment.query_end - segment.query_begin, held, block.rows, block.columns, rows_after(g, segments, s, block));
}

// The rows of all segments, rounded to bf16, two and two of each.
class PairedRows {
 public:
  PairedRows() = default;
  PairedRows(Tensor g, Tensor a, std::span<const Segment> segments)
      : outputs_(g.columns), inputs_(a.columns), first_(segments.size() + 1) {
    for (size_t s = 0; s < segments.size(); ++s)
      first_[s + 1] = first_[s] + divide_up(segments[s].query_end - segments[s].query_begin, 2);
    thread_local Scratch kept_g, kept_a;
    g_ = kept_g.make(first_.back() * outputs_);
    a_ = kept_a.make(first_.back() * inputs_);
#pragma omp parallel for schedule(dynamic)
    for (size_t s = 0; s < segments.size(); ++s) {
      const int64_t begin = segments[s].query_begin, tokens = segments[s].query_end - begin;
      pair_rows(g.row(begin), outputs_, tokens, outputs_, g_ + first_[s] * outputs_);
      pair_rows(a.row(begin), inputs_, tokens, inputs_, a_ + first_[s] * inputs_);
    }
  }
  SmallProduct product(int64_t s, const Blocks::Block& block, float* held) const {
    const int64_t first = first_[static_cast<size_t>(s)];
    return {g_ + first * outputs_ + block.row,
            1,
            outputs_,
            a_ + first * inputs_ + block.column,
            inputs_,
            held,
            block.columns,
            block.rows,
            block.columns,
            first_[static_cast<size_t>(s) + 1] - first};
  }

 private:
  int64_t outputs_ = 0, inputs_ = 0;
  std::vector<int64_t> first_;  // pair of each segment, and the end
  float *g_ = nullptr, *a_ = nullptr;
};

// Those of some segments, side by side.
struct Products {
  const float* numbers;
  int64_t apart, segments;
};

STEMMA_CLONES void add_squares(const float* from, int64_t count, float* to) {
#pragma omp simd
  for (int64_t n = 0; n < count; ++n) to[n] += from[n] * from[n];
}

// scores += what visit(block, products, scores of those segments) adds, block after block, of products that
// form(segment's number, block, where to) makes; at most `most_segments` at a time, fewer where threads have less than
// `turns_each` of them else.
template <class Form, class Visit>
void add_scores(const Blocks& blocks, int64_t segments, Tensor scores, int64_t most_segments, int64_t turns_each,
                Form form, Visit visit) {
  const int64_t asked = scores.columns;
  if (asked == 0 || segments == 0) return;
  const int64_t apart = divide_up(blocks.numbers(), spread) * spread + spread * 3 / 4, items = blocks.count();
  const int64_t in_parts = std::clamp<int64_t>(parts_numbers / (items * asked), 1, segments);
  thread_local Scratch kept;
  float* const parts = kept.make(items * in_parts * asked);  // (blocks, segments, queries)
  for (int64_t first = 0; first < segments; first += in_parts) {
    const int64_t count = std::min(in_parts, segments - first), size = count * asked;
    // Threads take blocks; where those are few, each of some segments.
    const int64_t most = std::clamp<int64_t>(held_numbers / apart, 4, most_segments);
    const int64_t turns = std::max(divide_up(count, most),
                                   std::min(divide_up(count, 4), divide_up(turns_each * omp_get_max_threads(), items)));
    const int64_t together = divide_up(divide_up(count, turns), 4) * 4, groups = divide_up(count, together);
#pragma omp parallel
    {
      thread_local Scratch room;
      float* const held = room.make(std::min(together, count) * apart);
#pragma omp for schedule(dynamic)
      for (int64_t turn = 0; turn < items * groups; ++turn) {
        const auto block = blocks[turn / groups];
        const int64_t begin = turn % groups * together, end = std::min(count, begin + together);
        for (int64_t s = begin; s < end; ++s) form(first + s, block, held + (s - begin) * apart);
        float* const part = parts + turn / groups * size + begin * asked;
        std::fill_n(part, (end - begin) * asked, 0.0f);
        visit(block, Products{held, apart, end - begin}, part);
      }
#pragma omp for schedule(static)
      for (int64_t begin = 0; begin < size; begin += summed)
        add_rows(parts + begin, items, size, std::min(summed, size - begin), scores.row(first) + begin);
    }
  }
}

// visit(first, how many) for all of so many queries.
template <class Visit>
void each_group(int64_t queries, Visit visit) {
  const int64_t groups = divide_up(queries, met_queries);
  for (int64_t i = 0; i < groups; ++i) {
    const int64_t begin = queries * i / groups;
    visit(begin, queries * (i + 1) / groups - begin);
  }
}

}  // namespace

void segment_scores(Tensor g, Tensor a, std::span<const Segment> segments, Tensor queries, Tensor scores,
                    const Tiles& tiles) {
  const int64_t width = a.columns;
  const auto form = [&](int64_t s, const auto& block, float* held) { multiply(g, a, segments, s, block, held); };
  const auto meet = [&](const auto& block, const Products& products, float* part) {
    // Rows that lie one behind the other, in a block and in a query, are met as one.
    const int64_t pieces = block.columns == width ? 1 : block.rows, length = block.rows * block.columns / pieces;
    const float* const first = queries.data + block.row * width + block.column;
    each_group(queries.rows, [&](int64_t begin, int64_t count) {
      thread_local Scratch room;
      DotsJob job{.a = products.numbers,
                  .a_row = products.apart,
                  .a_piece = block.columns,
                  .rows = products.segments,
                  .b = first + begin * queries.columns,
                  .b_row = queries.columns,
                  .b_piece = width,
                  .others = count,
                  .pieces = pieces,
                  .length = length,
                  .dots = part + begin,
                  .dots_row = queries.rows,
                  .room = nullptr};
      if (takes_many_dots(tiles, count)) return many_dots(tiles, job);
      job.room = room.make(products.segments * count * tiles.lanes);
      tiles.dots(job);
    });
  };
  add_scores(Blocks(g.columns, width), std::ssize(segments), scores, most_together, 4, form, meet);
}

// A query's L R is to its rows of L^T and R what a segment's product is to its tokens.
void low_rank_scores(Tensor g, Tensor a, std::span<const Segment> segments, Tensor left, Tensor right, Tensor scores,
                     bool rounded, const Tiles& tiles) {
  const int64_t asked = scores.columns, rank = asked > 0 ? left.rows / asked : 0;
  const Blocks blocks(g.columns, a.columns);
  const bool pairs = rounded && tiles.product_of_pairs && blocks.in_vectors(tiles.lanes);
  const PairedRows tokens = pairs ? PairedRows(g, a, segments) : PairedRows();
  const auto form = [&](int64_t s, const auto& block, float* held) {
    if (pairs)
      tiles.product_of_pairs(tokens.product(s, block, held));
    else
      multiply(g, a, segments, s, block, held);
  };
  const auto meet = [&](const auto& block, const Products& products, float* part) {
    thread_local Scratch room, lanes, own;
    const int64_t rows = std::min(std::max<int64_t>(16, expanded / block.columns / 16 * 16), block.rows);
    const int64_t apart = rows * block.columns, steps = (rank + 1) / 2;
    float* const whole = room.make(expanded_queries * apart);
    float* const own_left = own.make(pairs ? steps * (rows + block.columns) : rank * rows);
    const auto expand = [&](int64_t q, int64_t row, int64_t there, float* to) {
      const float *l = left.row(q * rank) + block.row + row, *r = right.row(q * rank) + block.column;
      if (!pairs) {
        for (int64_t i = 0; i < rank; ++i) std::copy_n(l + i * left.columns, there, own_left + i * there);
        return product(own_left, true, there, r, false, right.columns, to, there, block.columns, rank, 1, 0,
                       block.columns);
      }
      float* const own_right = own_left + steps * rows;
      pair_rows(l, left.columns, rank, there, own_left);
      pair_rows(r, right.columns, rank, block.columns, own_right);
      tiles.product_of_pairs(
          {own_left, 1, there, own_right, block.columns, to, block.columns, there, block.columns, steps});
    };
    for (int64_t row = 0; row < block.rows; row += rows)
      for (int64_t first = 0; first < asked; first += expanded_queries) {
        const int64_t there = std::min(rows, block.rows - row), count = std::min(expanded_queries, asked - first);
        for (int64_t q = 0; q < count; ++q) expand(first + q, row, there, whole + q * apart);
        tiles.dots({products.numbers + row * block.columns, products.apart, 0, products.segments, whole, apart, 0,
                    count, 1, there * block.columns, part + first, asked,
                    lanes.make(products.segments * count * tiles.lanes)});
      }
  };
  add_scores(blocks, std::ssize(segments), scores, most_expanded, 1, form, meet);
}

void segment_squares(Tensor g, Tensor a, std::span<const Segment> segments, Tensor total) {
  const Blocks blocks(g.columns, a.columns, 2);  // that stay in the first cache
#pragma omp parallel for schedule(dynamic)
  for (int64_t i = 0; i < blocks.count(); ++i) {
    thread_local Scratch room;
    float* const held = room.make(blocks.numbers());
    const auto block = blocks[i];
    float* const to = total.data + block.row * a.columns + block.column;
    for (int64_t s = 0; s < std::ssize(segments); ++s) {
      const Segment& segment = segments[static_cast<size_t>(s)];
      const int64_t begin = segment.query_begin, tokens = segment.query_end - begin;
      if (outer_in_tiles(tokens, block.columns, a.columns)) {
        best_tiles().product({.a = g.row(begin) + block.row,
                              .a_row = 1,
                              .a_step = g.columns,
                              .b = a.row(begin) + block.column,
                              .b_row = a.columns,
                              .c = to,
                              .c_row = a.columns,
                              .rows = block.rows,
                              .columns = block.columns,
                              .steps = tokens,
                              .next = rows_after(g, segments, s, block),
                              .squares = true});
        continue;
      }
      multiply(g, a, segments, s, block, held);
      for (int64_t row = 0; row < block.rows; ++row)
        add_squares(held + row * block.columns, block.columns, to + row * a.columns);
    }
  }
}

void gram(Tensor x, Tensor c) {
  const bool far = x.columns > narrow;
  const int64_t rows = gram_rows[far], columns = gram_columns[far], down = divide_up(x.columns, rows),
                across = divide_up(x.columns, columns);
#pragma omp parallel for schedule(dynamic)
  for (int64_t i = 0; i < down * across; ++i) {
    const int64_t row = i / across * rows, end = std::min(x.columns, (i % across + 1) * columns);
    const int64_t column = std::max(row, i % across * columns);  // what is before it is below the diagonal
    if (column >= end) continue;
    product(x.data + row, true, x.columns, x.data + column, false, x.columns, c.row(row) + column,
            std::min(rows, x.columns - row), end - column, x.rows, 1, 1, x.columns);
  }
}

}  // namespace stemma::cpu
