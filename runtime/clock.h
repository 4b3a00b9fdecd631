// Time as it is measured: it never jumps, whatever is done to the machine's clock.
#pragma once

#include <chrono>

namespace stemma {

using Clock = std::chrono::steady_clock;

inline double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace stemma
