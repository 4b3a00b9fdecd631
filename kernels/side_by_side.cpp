#include "kernels/side_by_side.h"

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <exception>

namespace stemma {

int threads_of(const Ops& ops) { return ops.device() == "cpu" ? omp_get_max_threads() : 1; }

void side_by_side(int lanes, int64_t count, const std::function<void(int lane, int64_t i)>& part) {
  lanes = static_cast<int>(std::min<int64_t>(lanes, count));
  if (lanes <= 1) {
    for (int64_t i = 0; i < count; ++i) part(0, i);
    return;
  }
  std::atomic<int64_t> next = 0;
  std::atomic<bool> failed = false;
  std::exception_ptr thrown;
#pragma omp parallel num_threads(lanes)
  try {
    for (int64_t i = next++; i < count && !failed; i = next++) part(omp_get_thread_num(), i);
  } catch (...) {
    if (!failed.exchange(true)) thrown = std::current_exception();
  }
  if (thrown) std::rethrow_exception(thrown);
}

}  // namespace stemma
