// Attention of a query or two, as when a token is written: keys and values are read where they lie, once for all heads
// of a group, and threads share a text out (Flash-Decoding, Dao et al. 2023). What a chunk of keys gives is kept with
// its largest score, and put together at the end; chunks do not depend on the number of threads.
#include <limits>
#include <vector>

#include "kernels/attention/rows.h"
#include "kernels/products/stream_rows.h"

namespace stemma::cpu {
namespace {

constexpr int64_t chunk = 64;  // keys

// Of a segment and a head of keys: queries x group rows, and the keys of some chunks.
struct Job {
  const Segment* segment;
  const Ops::Text* text;
  int64_t head, rows, first_chunk, chunks;
  int64_t result;  // of its first chunk, among all
};

// What a chunk gives to each of `rows` rows: the sum of its values under e^(score - most), and the sum of those.
struct Results {
  float *most, *sums, *values;  // (results, rows), (results, rows), (results, rows, padded(width))
};

struct Memory {
  RowsMemory near;
  Scratch asked, scores;
  RowsScratch values;
};

// The products q k of keys [first, last) of a chunk become e^(score - most), all others 0; `most` and the sum.
STEMMA_CLONES void soften(float* scores, int64_t first, int64_t last, const Scoring& how, float& most, float& sum) {
  for (int64_t j = 0; j < first; ++j) scores[j] = 0;
  for (int64_t j = last; j < chunk; ++j) scores[j] = 0;
  if (how.cap > 0) cap_row(scores, first, last, how.scale, how.cap);
  const float scale = how.cap > 0 ? 1 : how.scale;
  const float largest = largest_of_row(scores, first, last);
  sum = exp_row(scores, first, last, scale, largest);
  most = largest * scale;
}

STEMMA_CLONES void add_scaled(const float* x, float scale, float* y, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; ++i) y[i] += scale * x[i];
}

// Reads a byte of each line of a chunk's keys or values, those of all heads, in the order in which they lie: so the
// processor foresees them, and head by head they would be waited for.
void call_in(const WeightMatrix& x, int64_t first, int64_t rows) {
  constexpr int64_t line = 64;
  const volatile std::byte* const at = x.row(first);
  for (int64_t i = 0; i < rows * x.row_bytes(); i += line) static_cast<void>(at[i]);
}

// A head's share of the keys and values of a chunk that comes later, to be asked for meanwhile: parts of them in the
// order in which they lie.
struct Next {
  const std::byte *keys, *values;

  Next(const Job& job, int64_t index, int64_t width) {
    const Segment& s = *job.segment;
    const int64_t begin = s.key_begin + (job.first_chunk + index) * chunk, rows = std::min(chunk, s.key_end - begin);
    const auto share = [&](const WeightMatrix& x) {
      const int64_t at = job.head * chunk * stemma::row_bytes(x.type, width);
      return at < rows * x.row_bytes() ? x.row(begin) + at : nullptr;
    };
    keys = share(job.text->k);
    values = share(job.text->v);
  }
};

void attend_chunk(const Job& job, int64_t index, Tensor q, const Heads& heads, const Scoring& how, bool call,
                  const Next& next, Memory& memory, const Results& results) {
  const Segment& s = *job.segment;
  const auto& [k, v] = *job.text;
  const int64_t width = heads.width, group = heads.query / heads.key_value, rows = job.rows, wide = padded(width);
  const int64_t keys = s.key_end - s.key_begin, queries = s.query_end - s.query_begin;
  const int64_t begin = (job.first_chunk + index) * chunk, count = std::min(chunk, keys - begin);
  if (call) {
    call_in(k, s.key_begin + begin, count);
    call_in(v, s.key_begin + begin, count);
  }
  const Tensor asked{memory.asked.make(rows * width), rows, width};
  for (int64_t r = 0; r < rows; r += group)
    std::copy_n(q.row(s.query_begin + r / group) + job.head * group * width, group * width, asked.row(r));
  const Streams& streams = best_streams();
  const auto type = static_cast<size_t>(k.type);
  const RowsToRead near(asked, streams.form[type], memory.near);
  for (int64_t r = 0; r < near.unread; ++r) near.read(r);
  float* scores = memory.scores.make(rows * chunk);
  const KeptRows key = head_rows(k, s.key_begin + begin, job.head, width);
  streams.multiply[type](
      {key.data, key.stride, 0, count, asked.data, near.near, rows, width, scores, chunk, next.keys});
  const int64_t at = job.result + index;
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t seen = keys - queries + 1 + r / group;
    const int64_t first = std::clamp<int64_t>(how.first(seen) - begin, 0, count),
                  last = std::clamp<int64_t>(seen - begin, first, count);
    soften(scores + r * chunk, first, last, how, results.most[at * pad + r], results.sums[at * pad + r]);
  }
  float* const to = results.values + at * pad * wide;
  const KeptRows value = head_rows(v, s.key_begin + begin, job.head, width);
  if (width % StreamRows::piece == 0)
    return streams.mix[static_cast<size_t>(v.type)](
        {value.data, value.stride, count, width, scores, chunk, rows, to, wide, next.values});
  const Rows near_value = copy_in(memory.values, value, count, width);
  best_tiles().product({scores, chunk, 1, near_value.data, near_value.stride, to, wide, rows, wide, count});
}

void put_together(const Job& job, int64_t row, const Heads& heads, const Results& results, Tensor z, Tensor log_sum) {
  const int64_t width = heads.width, group = heads.query / heads.key_value, wide = padded(width);
  const int64_t n = job.segment->query_begin + row / group, h = job.head * group + row % group;
  float most = -std::numeric_limits<float>::infinity(), sum = 0;
  for (int64_t i = job.result; i < job.result + job.chunks; ++i) most = std::max(most, results.most[i * pad + row]);
  for (int64_t i = job.result; i < job.result + job.chunks; ++i)
    sum += results.sums[i * pad + row] * std::exp(results.most[i * pad + row] - most);
  float* to = z.row(n) + h * width;
  std::fill_n(to, width, 0.0f);
  for (int64_t i = job.result; i < job.result + job.chunks; ++i)
    add_scaled(results.values + (i * pad + row) * wide, std::exp(results.most[i * pad + row] - most) / sum, to, width);
  log_sum.row(n)[h] = most + std::log(sum);
}

}  // namespace

void attend_few(Tensor q, std::span<const Ops::Text> texts, std::span<const Segment> segments, const Heads& heads,
                Tensor z, Tensor log_sum) {
  const Scoring how(heads);
  thread_local std::vector<Job> jobs;
  thread_local std::vector<std::pair<int32_t, int32_t>> turns;  // a job, a chunk of it; then a job, a row of it
  jobs.clear();
  turns.clear();
  int64_t count = 0;
  for (size_t i = 0; i < segments.size(); ++i) {
    const Segment& s = segments[i];
    const int64_t keys = s.key_end - s.key_begin, queries = s.query_end - s.query_begin;
    if (queries == 0 || !few_queries(s, heads)) continue;
    const int64_t first = how.first(keys - queries + 1) / chunk, chunks = (keys + chunk - 1) / chunk - first;
    const auto first_job = static_cast<int32_t>(jobs.size());
    for (int64_t c = 0; c < chunks; ++c)  // keys of all heads lie together
      for (int32_t g = 0; g < heads.key_value; ++g) turns.emplace_back(first_job + g, c);
    for (int64_t g = 0; g < heads.key_value; ++g, count += chunks)
      jobs.push_back(
          {&s, &texts[texts.size() == 1 ? 0 : i], g, queries * (heads.query / heads.key_value), first, chunks, count});
  }
  const int64_t width = heads.width;
  thread_local Scratch most, sums, values;
  const Results results = {most.make(count * pad), sums.make(count * pad),
                           values.make(count * pad * padded(heads.width))};
  const auto& all = jobs;  // this thread's, for all
  const auto& shared = turns;
  const auto job_count = static_cast<int64_t>(jobs.size());
#pragma omp parallel
  {
    thread_local Memory memory;
    bool begins = true;
#pragma omp for schedule(static)
    for (int64_t i = 0; i < count; ++i) {
      const auto& [of, index] = shared[static_cast<size_t>(i)];
      const Job& job = all[static_cast<size_t>(of)];
      const auto& [later, its_index] = shared[static_cast<size_t>(std::min(i + heads.key_value, count - 1))];
      attend_chunk(job, index, q, heads, how, begins || job.head == 0,
                   {all[static_cast<size_t>(later)], its_index, width}, memory, results);
      begins = false;
    }
#pragma omp for schedule(static) nowait
    for (int64_t i = 0; i < job_count; ++i)
      for (int64_t r = 0; r < all[static_cast<size_t>(i)].rows; ++r)
        put_together(all[static_cast<size_t>(i)], r, heads, results, z, log_sum);
  }
}

void attention_step(Tensor q, Tensor k, Tensor v, Ids places, std::span<const Ops::Text> texts, Heads heads, Tensor z,
                    Tensor log_sum) {
  thread_local std::vector<Segment> segments;
  segments.clear();
  for (int32_t n = 0; n < static_cast<int32_t>(q.rows); ++n) {
    const Ops::Text& text = texts[static_cast<size_t>(n)];
    const int32_t place = places.data[n];
    round(k.slice(n, n + 1), text.k.slice(place, place + 1));
    round(v.slice(n, n + 1), text.v.slice(place, place + 1));
    segments.push_back({n, n + 1, 0, place + 1});
  }
  attention(q, texts, segments, heads, z, log_sum);
}

}  // namespace stemma::cpu
