// What the first of two stages multiplies in (Grosse et al. 2023 scan in bf16): f32, or weights, activations, their
// gradients and queries rounded to bf16. Sums, norms, the residual stream and what documents' gradients add up to stay
// f32, attention on the CPU too, and so does all of the second stage.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "kernels/ops.h"

namespace stemma {

enum class Precision { f32, bf16 };
inline constexpr std::array precision_names = {"f32", "bf16"};  // as they are asked for, and stored

inline std::string name_of(Precision precision) { return precision_names[static_cast<size_t>(precision)]; }
inline std::optional<Precision> precision_named(const std::string& name) {
  for (const Precision precision : {Precision::f32, Precision::bf16})
    if (name == name_of(precision)) return precision;
  return std::nullopt;
}
// Unless asked otherwise bf16, where the device gains by it.
inline Precision first_stage_precision(std::optional<Precision> asked, const Ops& ops) {
  return asked.value_or(ops.multiplies_bf16() ? Precision::bf16 : Precision::f32);
}

}  // namespace stemma
