// Parts of some work that need nothing of each other, each on a thread of its own: where operations are so small that
// threads lose by sharing every one of them.
#pragma once

#include <cstdint>
#include <functional>

#include "kernels/ops.h"

namespace stemma {

int threads_of(const Ops& ops);  // those that a processor's operations share; 1 of any other device

// part(lane, i) of each i in [0, count), begun in their order. Lanes run at the same time, a lane its parts one after
// the other; lane 0 is the calling thread, and one lane alone is nothing but a loop. An operation within a part has the
// bits that it has on one thread. When a part throws no more are begun, and what it threw is thrown.
void side_by_side(int lanes, int64_t count, const std::function<void(int lane, int64_t i)>& part);

}  // namespace stemma
