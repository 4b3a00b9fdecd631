// The streams of all instruction sets that this processor has, by name.
#pragma once

#include <utility>
#include <vector>

#include "kernels/products/streams.h"

namespace stemma::reference {

inline std::vector<std::pair<const char*, const cpu::Streams*>> stream_sets() {
  std::vector<std::pair<const char*, const cpu::Streams*>> sets = {{"plain", &cpu::streams_plain}};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("x86-64-v3")) sets.emplace_back("avx2", &cpu::streams_avx2);
  if (__builtin_cpu_supports("x86-64-v4")) sets.emplace_back("avx512", &cpu::streams_avx512);
  if (__builtin_cpu_supports("avx512vnni")) sets.emplace_back("vnni", &cpu::streams_vnni());
  if (__builtin_cpu_supports("avx512bf16")) sets.emplace_back("bf16", &cpu::streams_bf16());
#endif
  return sets;
}

}  // namespace stemma::reference
