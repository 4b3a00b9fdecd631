#include "runtime/influence/curvature/eigenbases.h"

#include <algorithm>
#include <functional>
#include <span>
#include <utility>

#include "kernels/side_by_side.h"
#include "runtime/influence/curvature/blocks.h"
#include "runtime/influence/curvature/eigen.h"

namespace stemma {
namespace {

struct Side {
  SideBasis basis;
  std::vector<float> shared;  // the sum, on other ranks than 0
};

}  // namespace

// All ranks have the sums, and each takes the next matrices: the widest first, as many together as are sooner done so.
void find_eigenbases(const std::vector<SideBasis>& bases, ShardSums& sums, Ops& ops, const EigenbasesOptions& options,
                     Ranks& ranks, const Control& control) {
  std::vector<Side> sides;
  for (const SideBasis& basis : bases) sides.push_back({basis, {}});
  std::ranges::stable_sort(sides, std::ranges::greater(), [](const Side& s) { return s.basis.side; });
  for (Side& s : sides) {
    if (ranks.alone()) continue;
    std::vector<float> sum;
    if (ranks.leads() && !options.known) sum = sums.total(s.basis.sum);
    ranks.share(sum, control);
    if (!ranks.leads()) s.shared = std::move(sum);
  }
  std::vector<std::span<Side>> groups;
  for (std::span<Side> left = sides; !left.empty(); left = left.subspan(groups.back().size())) {
    const int64_t together = decomposed_together(ops, left[0].basis.width);
    groups.push_back(left.first(std::min(left.size(), static_cast<size_t>(together))));
  }
  const auto decomposed = [&](Side& s) {
    if (options.identity) return identity_blocks(s.basis.side, s.basis.width);
    return eigenvectors_of_blocks(ops, ranks.leads() ? sums.total(s.basis.sum) : std::exchange(s.shared, {}),
                                  s.basis.side, static_cast<double>(options.tokens));
  };
  const auto work = [&](int64_t number, const auto&) {
    const std::span<Side> group = groups[static_cast<size_t>(number)];
    if (ranks.leads()) control.say({"eigenbases", double(group.data() - sides.data()), double(sides.size())});
    std::vector<std::vector<float>> each(group.size());
    side_by_side(static_cast<int>(group.size()), std::ssize(group),
                 [&](int, int64_t i) { each[static_cast<size_t>(i)] = decomposed(group[static_cast<size_t>(i)]); });
    std::vector<float> all = std::move(each[0]);
    for (size_t i = 1; i < each.size(); ++i) all.insert(all.end(), each[i].begin(), each[i].end());
    return all;
  };
  const auto take = [&](int64_t number, const std::vector<float>& vectors) {
    auto from = vectors.begin();
    for (const auto& [basis, shared] : groups[static_cast<size_t>(number)]) {
      const auto end = from + basis.side * basis.width;
      basis.vectors->assign(from, end);
      from = end;
      sums.end_total(basis.sum);
    }
  };
  const auto count = std::ssize(groups);
  ranks.spread({.key = options.key, .first = options.known ? count : 0, .last = count, .work = work, .take = take},
               control);
  for (const Side& s : sides) ranks.share(*s.basis.vectors, control);
}

}  // namespace stemma
