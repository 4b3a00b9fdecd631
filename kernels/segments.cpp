// Sums over the tokens of each segment: the parameter gradient of a document is g^T a over its rows.
//
// T tokens, layers P x M, Q queries of full rank: forming the gradient takes 2 T P M and each dot product 2 P M; images
// a V^T with row dots would take 2 T P M for each query. So the gradient is formed for every Q, whatever T: at one query
// both cost the same, and no gradient is written either way.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include "kernels/cpu_kernels.h"
#include "kernels/scratch.h"

namespace stemma::cpu {
namespace {

constexpr int64_t group_tokens = 2048, group_segments = 256;  // whose packed strips stay in the second-level cache
constexpr int64_t asked_tokens = 8192;  // where queries come past them: more of these for each time that those are read
constexpr int32_t gram_tokens = 256;
constexpr int64_t item_rows = 32, most_items = 128;  // what a thread takes at a time

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

struct Strip {
  int64_t column;  // its first
  int vectors;
};

// As few strips as will do, of widths that differ by one vector at most.
std::vector<Strip> strips_of(int64_t columns, const Tiles& tiles) {
  const int64_t vectors = divide_up(columns, tiles.lanes), count = divide_up(vectors, tiles.most);
  std::vector<Strip> strips;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t begin = vectors * i / count, end = vectors * (i + 1) / count;
    strips.push_back({begin * tiles.lanes, static_cast<int>(end - begin)});
  }
  return strips;
}

struct Free {
  void operator()(float* memory) const { std::free(memory); }
};
using Packed = std::unique_ptr<float, Free>;  // of whole cache lines, not cleared

Packed make_packed(int64_t size) {
  void* memory = std::aligned_alloc(64, static_cast<size_t>(divide_up(std::max<int64_t>(size, 1), 16) * 64));
  if (!memory) throw std::bad_alloc();
  return Packed(static_cast<float*>(memory));
}

// One group of segments, packed, and the parts that threads take: part i is rows [row, row + rows) of one strip. The
// parts depend on the shape alone, so that no sum depends on the number of threads.
class PackedGroups {
 public:
  PackedGroups(Tensor x, Tensor y, std::span<const Segment> segments, const Tiles& tiles, int64_t tokens = group_tokens,
               int64_t most = group_segments)
      : tiles_(tiles),
        x_(x),
        y_(y),
        segments_(segments),
        group_tokens_(tokens),
        group_segments_(most),
        strips_(strips_of(y.columns, tiles_)) {
    const auto strips = static_cast<int64_t>(strips_.size());
    rows_ = item_rows * divide_up(divide_up(x.columns, item_rows) * strips, most_items);
    ranges_ = divide_up(x.columns, rows_);
  }

  int64_t items() const { return static_cast<int64_t>(strips_.size()) * ranges_; }

  // The part to take in turn k: of the two sides the narrower passes again and again, as the caches hold more of it.
  int64_t in_turn(int64_t k) const {
    const auto strips = static_cast<int64_t>(strips_.size());
    return x_.columns > y_.columns ? k % strips * ranges_ + k / strips : k;
  }

  // visit(first, count): segments [first, first + count) are packed, and item(i, visit) shows part i of their products.
  template <class Visit>
  void each(Visit visit) {
    for (size_t first = 0; first < segments_.size();) {
      size_t last = first;
      cuts_.assign(1, 0);
      const auto fits = [&] {
        return cuts_.back() < group_tokens_ && static_cast<int64_t>(last - first) < group_segments_;
      };
      for (; last < segments_.size() && (last == first || fits()); ++last)
        cuts_.push_back(cuts_.back() + segments_[last].query_end - segments_[last].query_begin);
      pack(first);
      visit(static_cast<int64_t>(first), static_cast<int64_t>(last - first));
      first = last;
    }
  }

  // visit(job, row, column): the job's product is that part of the segments' products.
  template <class Visit>
  void item(int64_t i, Visit visit) const {
    const Strip& strip = strips_[static_cast<size_t>(i / ranges_)];
    const int64_t row = i % ranges_ * rows_, tokens = cuts_.back();
    const int64_t columns = std::min<int64_t>(strip.vectors * tiles_.lanes, y_.columns - strip.column);
    visit(OuterJob{x_packed_.get() + row * tokens, tiles_.rows * tokens, y_packed_.get() + strip.column * tokens,
                   strip.vectors, columns, std::min(rows_, x_.columns - row), cuts_.data(),
                   static_cast<int64_t>(cuts_.size()) - 1},
          row, strip.column);
  }

 private:
  void pack(size_t first) {
    const int64_t tokens = cuts_.back(), panels = divide_up(x_.columns, tiles_.rows);
    const int64_t vectors = divide_up(y_.columns, tiles_.lanes);
    if (tokens > room_) {
      x_packed_ = make_packed(panels * tiles_.rows * tokens);
      y_packed_ = make_packed(vectors * tiles_.lanes * tokens);
      room_ = tokens;
    }
    const auto count = static_cast<int64_t>(cuts_.size()) - 1;
#pragma omp parallel for schedule(dynamic)
    for (int64_t s = 0; s < count; ++s)
      for (int64_t t = cuts_[s]; t < cuts_[s + 1]; ++t) {
        const int64_t from = segments_[first + static_cast<size_t>(s)].query_begin + t - cuts_[s];
        for (int64_t c = 0; c < x_.columns; c += tiles_.rows)
          put(x_.row(from) + c, x_.columns - c, x_packed_.get() + c * tokens + t * tiles_.rows, tiles_.rows);
        for (const Strip& strip : strips_)
          put(y_.row(from) + strip.column, y_.columns - strip.column,
              y_packed_.get() + strip.column * tokens + t * strip.vectors * tiles_.lanes, strip.vectors * tiles_.lanes);
      }
  }
  // In fours, as every width is a multiple of: the compiler then moves vectors where a call would cost more.
  static void put(const float* from, int64_t there, float* to, int64_t width) {
    int64_t i = 0;
    for (; i + 4 <= std::min(there, width); i += 4) std::memcpy(to + i, from + i, 4 * sizeof(float));
    for (; i < width; ++i) to[i] = i < there ? from[i] : 0.0f;
  }

  const Tiles& tiles_;
  Tensor x_, y_;
  std::span<const Segment> segments_;
  int64_t group_tokens_, group_segments_;
  std::vector<Strip> strips_;
  int64_t rows_ = 0, ranges_ = 0;
  std::vector<int64_t> cuts_;
  int64_t room_ = -1;  // tokens that fit
  Packed x_packed_, y_packed_;
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

// scores += what visit(i, scores of part i) adds, a part of the products of every group and query after the other.
template <class Visit>
void add_scores(PackedGroups& groups, Tensor scores, Visit visit) {
  const int64_t items = groups.items(), asked = scores.columns;
  thread_local Scratch room;
  groups.each([&](int64_t first, int64_t count) {
    const int64_t size = count * asked;
    float* parts = room.make(items * size);  // (items, segments of a group, queries)
#pragma omp parallel
    {
#pragma omp for schedule(dynamic)
      for (int64_t k = 0; k < items; ++k) {
        const int64_t i = groups.in_turn(k);
        std::fill_n(parts + i * size, size, 0.0f);
        visit(i, parts + i * size);
      }
#pragma omp for schedule(static)
      for (int64_t begin = 0; begin < size; begin += summed)
        add_rows(parts + begin, items, size, std::min(summed, size - begin), scores.row(first) + begin);
    }
  });
}

}  // namespace

void segment_scores(Tensor g, Tensor a, std::span<const Segment> segments, Tensor queries, Tensor scores,
                    const Tiles& tiles) {
  PackedGroups groups(g, a, segments, tiles, asked_tokens);
  const int64_t stride = a.columns;
  add_scores(groups, scores, [&](int64_t i, float* part) {
    groups.item(i, [&](const OuterJob& job, int64_t row, int64_t column) {
      tiles.dots(job, queries.data + row * stride + column, stride, queries.columns, queries.rows, part);
    });
  });
}

// A query's L R is to its rows of L^T and R what a segment's product is to its tokens.
void low_rank_scores(Tensor g, Tensor a, std::span<const Segment> segments, Tensor left, Tensor right, Tensor scores,
                     const Tiles& tiles) {
  const int64_t asked = scores.columns;
  if (asked == 0) return;
  const auto rank = static_cast<int32_t>(left.rows / asked);
  std::vector<Segment> ranks;
  for (int32_t begin = 0; begin < left.rows; begin += rank) ranks.push_back({begin, begin + rank, begin, begin + rank});
  PackedGroups groups(g, a, segments, tiles, asked_tokens), queries(left, right, ranks, tiles, left.rows, asked);
  queries.each([&](int64_t, int64_t) {
    add_scores(groups, scores, [&](int64_t i, float* part) {
      thread_local Scratch room;
      groups.item(i, [&](const OuterJob& job, int64_t, int64_t) {
        queries.item(i, [&](const OuterJob& other, int64_t, int64_t) {
          tiles.pairs(job, other, room.make(tiles.pairs_room), part);
        });
      });
    });
  });
}

void segment_squares(Tensor g, Tensor a, std::span<const Segment> segments, Tensor total, const Tiles& tiles) {
  PackedGroups groups(g, a, segments, tiles);
  groups.each([&](int64_t, int64_t) {
#pragma omp parallel for schedule(dynamic)
    for (int64_t k = 0; k < groups.items(); ++k)
      groups.item(groups.in_turn(k), [&](const OuterJob& job, int64_t row, int64_t column) {
        tiles.squares(job, total.data + row * a.columns + column, a.columns);
      });
  });
}

void gram(Tensor x, Tensor c, const Tiles& tiles) {
  std::vector<Segment> blocks;  // of tokens whose strip stays near
  for (int32_t begin = 0; begin < x.rows; begin += gram_tokens)
    blocks.push_back({begin, std::min(begin + gram_tokens, static_cast<int32_t>(x.rows))});
  PackedGroups groups(x, x, blocks, tiles);
  groups.each([&](int64_t, int64_t) {
#pragma omp parallel for schedule(dynamic)
    for (int64_t i = 0; i < groups.items(); ++i)
      groups.item(i, [&](OuterJob job, int64_t row, int64_t column) {
        job.rows = std::min(job.rows, column + job.columns - row);  // the rest of it is below the diagonal
        if (job.rows > 0) tiles.sums(job, c.row(row) + column, c.columns);
      });
  });
}

}  // namespace stemma::cpu
