#include "runtime/model/tokenizer/byte_pairs.h"

#include <array>
#include <bit>
#include <queue>

namespace stemma {

namespace {

constexpr size_t few = 48;  // symbols, up to which looking at every pair beats a queue

uint64_t pair_of(int32_t left, int32_t right) { return (uint64_t(uint32_t(left)) << 32) | uint32_t(right); }
size_t scatter(uint64_t pair) {
  pair *= 0x9E3779B97F4A7C15u;
  return static_cast<size_t>(pair ^ (pair >> 32));
}

struct Candidate {
  uint32_t rank, left;  // index of the left symbol
  int32_t left_id, right_id, result;
  bool operator<(const Candidate& other) const {  // the queue's top is its largest
    return rank != other.rank ? rank > other.rank : left > other.left;
  }
};

}  // namespace

BytePairs::BytePairs(const std::vector<Merge>& merges) : slots_(std::bit_ceil(merges.size() * 2 + 2)) {
  for (const Merge& merge : merges) {
    const uint64_t pair = pair_of(merge.left, merge.right);
    size_t at = scatter(pair) & (slots_.size() - 1);
    while (slots_[at].pair != empty && slots_[at].pair != pair) at = (at + 1) & (slots_.size() - 1);
    slots_[at] = {pair, merge.rank, merge.result};
  }
  low_ids_.resize(low * low);
  for (const Merge& merge : merges)
    if (is_low(merge.left) && is_low(merge.right))
      low_ids_[static_cast<uint32_t>(merge.left) * low + static_cast<uint32_t>(merge.right)] =
          static_cast<uint32_t>(look_up(merge.left, merge.right) - slots_.data() + 1);
}

const BytePairs::Slot* BytePairs::find(int32_t left, int32_t right) const {
  if (!is_low(left) || !is_low(right)) return look_up(left, right);
  const uint32_t place = low_ids_[static_cast<uint32_t>(left) * low + static_cast<uint32_t>(right)];
  return place ? &slots_[place - 1] : nullptr;
}

const BytePairs::Slot* BytePairs::look_up(int32_t left, int32_t right) const {
  const uint64_t pair = pair_of(left, right);
  for (size_t at = scatter(pair) & (slots_.size() - 1);; at = (at + 1) & (slots_.size() - 1)) {
    if (slots_[at].pair == pair) return &slots_[at];
    if (slots_[at].pair == empty) return nullptr;
  }
}

void BytePairs::merge(std::vector<TokenSpan>& symbols) const {
  if (symbols.size() < 2) return;
  if (symbols.size() <= few)
    merge_few(symbols);
  else
    merge_many(symbols);
}

void BytePairs::merge_few(std::vector<TokenSpan>& symbols) const {
  std::array<const Slot*, few> pairs;  // of symbol i and the next
  size_t count = symbols.size();
  for (size_t i = 0; i + 1 < count; ++i) pairs[i] = find(symbols[i].id, symbols[i + 1].id);
  while (count > 1) {
    size_t best = count;
    uint32_t rank = ~uint32_t{0};
    for (size_t i = 0; i + 1 < count; ++i)
      if (pairs[i] && pairs[i]->rank < rank) {
        rank = pairs[i]->rank;
        best = i;
      }
    if (best == count) break;
    symbols[best] = {pairs[best]->result, symbols[best].bytes + symbols[best + 1].bytes};
    --count;
    for (size_t i = best + 1; i < count; ++i) symbols[i] = symbols[i + 1];
    for (size_t i = best + 1; i + 1 < count; ++i) pairs[i] = pairs[i + 1];
    if (best) pairs[best - 1] = find(symbols[best - 1].id, symbols[best].id);
    if (best + 1 < count) pairs[best] = find(symbols[best].id, symbols[best + 1].id);
  }
  symbols.resize(count);
}

void BytePairs::merge_many(std::vector<TokenSpan>& symbols) const {
  constexpr uint32_t none = ~uint32_t{0};
  constexpr int32_t gone = -2;
  const auto count = static_cast<uint32_t>(symbols.size());
  struct Link {
    uint32_t before, after;
  };
  std::vector<Link> links(count);
  std::vector<Candidate> heap;
  auto candidate = [&](uint32_t left, uint32_t right, auto&& take) {
    if (const Slot* slot = find(symbols[left].id, symbols[right].id))
      take(Candidate{slot->rank, left, symbols[left].id, symbols[right].id, slot->result});
  };
  for (uint32_t i = 0; i < count; ++i) {
    links[i] = {i ? i - 1 : none, i + 1 < count ? i + 1 : none};
    if (i) candidate(i - 1, i, [&](const Candidate& c) { heap.push_back(c); });
  }
  std::priority_queue<Candidate> queue({}, std::move(heap));
  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    const uint32_t left = best.left, right = links[left].after;
    // A candidate is stale when either symbol has since been merged.
    if (symbols[left].id != best.left_id || right == none || symbols[right].id != best.right_id) continue;
    symbols[left] = {best.result, symbols[left].bytes + symbols[right].bytes};
    symbols[right].id = gone;
    links[left].after = links[right].after;
    if (links[left].after != none) links[links[left].after].before = left;
    auto push = [&](const Candidate& c) { queue.push(c); };
    if (links[left].before != none) candidate(links[left].before, left, push);
    if (links[left].after != none) candidate(left, links[left].after, push);
  }
  std::erase_if(symbols, [](const TokenSpan& symbol) { return symbol.id == gone; });
}

}  // namespace stemma
