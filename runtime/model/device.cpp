#include <fmt/format.h>

#include <charconv>

#include "runtime/error.h"
#include "runtime/model/model.h"

namespace stemma {

std::shared_ptr<Ops> open_device(const std::string& name) {
  if (name == "cpu") return make_cpu_ops();
  std::string why;
  if (name == "auto") {
    auto ops = has_cuda_driver() ? make_cuda_ops(0, why) : nullptr;
    return ops ? ops : make_cpu_ops();
  }
  int index = 0;
  if (name != "cuda") {
    const std::string_view digits = name.starts_with("cuda:") ? std::string_view(name).substr(5) : "";
    const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
    if (digits.empty() || failure != std::errc() || end != digits.data() + digits.size() || index < 0)
      throw Error(ErrorCode::usage, fmt::format("device '{}' is not known; use auto, cpu, cuda or cuda:N", name));
  }
  if (auto ops = make_cuda_ops(index, why)) return ops;
  throw Error(ErrorCode::device, fmt::format("device '{}' cannot be used: {}", name, why));
}

}  // namespace stemma
