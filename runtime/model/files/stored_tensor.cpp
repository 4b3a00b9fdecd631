#include "runtime/model/files/stored_tensor.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "kernels/half.h"
#include "kernels/quants.h"
#include "runtime/error.h"
#include "runtime/model/files/json_file.h"

namespace stemma {

namespace {

template <class Stored, class Convert>
void convert(const std::byte* from, std::span<float> out, Convert to_float) {
  for (size_t i = 0; i < out.size(); ++i) {
    Stored stored;
    std::memcpy(&stored, from + i * sizeof stored, sizeof stored);
    out[i] = to_float(stored);
  }
}

void decode(const BlockFormat& format, const std::byte* bytes, int64_t begin, std::span<float> out) {
  std::array<float, largest_block> block;
  bytes += begin / format.elements * format.bytes;
  for (auto skip = static_cast<size_t>(begin % format.elements); !out.empty(); skip = 0, bytes += format.bytes) {
    const size_t count = std::min(static_cast<size_t>(format.elements) - skip, out.size());
    const bool whole = count == static_cast<size_t>(format.elements);
    format.decode(bytes, whole ? out.data() : block.data());
    if (!whole) std::copy_n(block.data() + skip, count, out.data());
    out = out.subspan(count);
  }
}

}  // namespace

int64_t StoredTensor::size() const {
  int64_t elements = 1;
  for (int64_t extent : shape) elements *= extent;
  return elements;
}

void read_f32(const StoredTensor& tensor, int64_t begin, std::span<float> out, const std::string& file) {
  if (begin < 0 || begin + static_cast<int64_t>(out.size()) > tensor.size())
    throw Error(ErrorCode::bad_file,
                fmt::format("{}: tensor {} has no elements that far", file, in_quotes(tensor.name)));
  const std::byte* bytes = tensor.bytes.data();
  if (tensor.dtype == "F32") {
    if (!out.empty()) std::memcpy(out.data(), bytes + begin * 4, out.size_bytes());
  } else if (tensor.dtype == "BF16") {
    convert<uint16_t>(bytes + begin * 2, out, [](uint16_t x) { return std::bit_cast<float>(uint32_t{x} << 16); });
  } else if (tensor.dtype == "F16") {
    convert<uint16_t>(bytes + begin * 2, out, float_of);
  } else if (tensor.dtype == "F64") {
    convert<double>(bytes + begin * 8, out, [](double x) { return static_cast<float>(x); });
  } else if (const BlockFormat* format = find_block_format(tensor.dtype)) {
    decode(*format, bytes, begin, out);
  } else {
    throw Error(ErrorCode::unsupported,
                fmt::format("{}: tensor {} is {}, which is not read as weights; convert it to F32, F16, BF16 or Q8_0",
                            file, in_quotes(tensor.name), tensor.dtype));
  }
}

}  // namespace stemma
