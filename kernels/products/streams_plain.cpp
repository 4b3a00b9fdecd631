#include "kernels/half.h"
#include "kernels/products/streams_code.h"

namespace stemma::cpu {
namespace {

struct Plain {
  static constexpr int tall = 1;
  static constexpr int lanes = 4;
  typedef float Vector __attribute__((vector_size(16), may_alias));
  typedef float Loose __attribute__((vector_size(16), aligned(1), may_alias));
  typedef int Ints __attribute__((vector_size(16), may_alias));

  template <class Number>
  STEMMA_INLINE Ints ints(const std::byte* at) {
    Number numbers[lanes];
    __builtin_memcpy(numbers, at, sizeof numbers);
    return Ints{numbers[0], numbers[1], numbers[2], numbers[3]};
  }
  STEMMA_INLINE Vector f32(const std::byte* at) { return *reinterpret_cast<const Loose*>(at); }
  STEMMA_INLINE Vector f16(const std::byte* at) { return Vector{half(at), half(at + 2), half(at + 4), half(at + 6)}; }
  STEMMA_INLINE Ints u16(const std::byte* at) { return ints<uint16_t>(at); }
  STEMMA_INLINE Ints u8(const std::byte* at) { return ints<uint8_t>(at); }
  STEMMA_INLINE Ints i8(const std::byte* at) { return ints<int8_t>(at); }
  STEMMA_INLINE Vector floats(Ints x) { return __builtin_convertvector(x, Vector); }
  STEMMA_INLINE float half(const std::byte* at) {
    uint16_t bits;
    __builtin_memcpy(&bits, at, sizeof bits);
    return float_of(bits);
  }
  STEMMA_INLINE Ints counting() { return Ints{0, 1, 2, 3}; }
  STEMMA_INLINE void hold(Vector&) {}
  template <int Count>
  STEMMA_INLINE void sum(const Vector (&x)[Count], float (&sums)[Count]) {
    for (int i = 0; i < Count; ++i) sums[i] = (x[i][0] + x[i][2]) + (x[i][1] + x[i][3]);
  }
};

}  // namespace

const Streams streams_plain = StreamCode<Plain>::all(nullptr);

const Streams& best_streams() {
#if defined(__x86_64__)
  static const Streams& best = [&]() -> const Streams& {
    const bool wide = __builtin_cpu_supports("x86-64-v4");
    const bool whole = wide && __builtin_cpu_supports("avx512vnni");
    if (whole && __builtin_cpu_supports("avx512bf16")) return streams_bf16();
    if (whole) return streams_vnni();
    if (wide) return streams_avx512;
    return __builtin_cpu_supports("x86-64-v3") ? streams_avx2 : streams_plain;
  }();
  return best;
#else
  return streams_plain;
#endif
}

}  // namespace stemma::cpu
