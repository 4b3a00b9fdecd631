// How many pieces of a size hold a count.
#pragma once

#include <cstdint>

namespace stemma {

constexpr int64_t divide_up(int64_t count, int64_t each) { return (count + each - 1) / each; }

}  // namespace stemma
