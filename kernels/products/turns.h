// Products with panels of weights, given out to threads.
#pragma once

#include <omp.h>

#include <algorithm>
#include <span>

#include "kernels/divide_up.h"
#include "kernels/ops.h"

namespace stemma::cpu {

// What a thread takes at once: rows of w from `column` on, which are columns of y, with all rows of x or a part of
// them.
struct Turn {
  const Ops::Product* product;
  int64_t row, rows, column, columns;
};

class Turns {
 public:
  struct Sizes {
    int64_t panel;         // rows of w
    int64_t unit;          // parts of x are multiples of it,
    int64_t fewest, most;  // of so many rows
  };

  Turns(int64_t rows, std::span<const Ops::Product> products, const Sizes& sizes)
      : products_(products), rows_(rows), wide_(sizes.panel) {
    constexpr int64_t turns_each = 8;  // of a thread, that all end together
    for (const auto& p : products) panels_ += panels_of(p);
    // Threads take panels; where those are few, each with a part of the rows.
    const int64_t wanted = divide_up(turns_each * omp_get_max_threads(), panels_),
                  possible = divide_up(rows, sizes.fewest);
    const int64_t parts = std::max(divide_up(rows, sizes.most), std::min(wanted, possible));
    each_ = divide_up(divide_up(rows, parts), sizes.unit) * sizes.unit;
    count = panels_ * divide_up(rows, each_);
  }
  Turn operator[](int64_t turn) const {
    const int64_t row = turn / panels_ * each_;
    int64_t panel = turn % panels_;
    const Ops::Product* p = products_.data();
    for (; panel >= panels_of(*p); ++p) panel -= panels_of(*p);
    return {p, row, std::min(each_, rows_ - row), panel * wide_, std::min(wide_, p->w.rows - panel * wide_)};
  }

  int64_t count;

 private:
  int64_t panels_of(const Ops::Product& p) const { return divide_up(p.w.rows, wide_); }

  std::span<const Ops::Product> products_;
  int64_t rows_, each_, panels_ = 0, wide_;
};

}  // namespace stemma::cpu
