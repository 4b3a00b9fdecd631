// Rows of x made ready for kernels/products/streams.h, in memory that a thread keeps.
#pragma once

#include "kernels/ops.h"
#include "kernels/products/streams.h"
#include "kernels/scratch.h"

namespace stemma::cpu {

struct RowsMemory {
  Scratch numbers, scales, sums, totals;
};

// `near` is there once read(i) was called for each i below `unread`, by any threads. A part is some columns of a group
// of rows, whole lines of the caches of all that is written: a line that two threads write goes to and fro between
// them.
class RowsToRead {
 public:
  RowsToRead(Tensor x, RowForm form, RowsMemory& memory);
  void read(int64_t part) const;

  int64_t unread;
  StreamRows near;

 private:
  Tensor x_;
  RowForm form_;
};

}  // namespace stemma::cpu
