#include "runtime/model/files/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "runtime/error.h"
#include "runtime/model/files/json_file.h"

static_assert(std::endian::native == std::endian::little, "safetensors are little-endian");

namespace stemma {

namespace {

using nlohmann::json;

constexpr uint64_t longest_header = 100'000'000;
constexpr size_t longest_rank = 16;

struct StoredType {
  std::string_view name;
  int64_t bits;
};
constexpr StoredType stored_types[] = {
    {"F64", 64},    {"F32", 32},        {"F16", 16},        {"BF16", 16},   {"F8_E4M3", 8}, {"F8_E5M2", 8},
    {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"F6_E2M3", 6}, {"F6_E3M2", 6}, {"F4", 4},
    {"C64", 64},    {"I64", 64},        {"I32", 32},        {"I16", 16},    {"I8", 8},      {"U64", 64},
    {"U32", 32},    {"U16", 16},        {"U8", 8},          {"BOOL", 8}};

[[noreturn]] void refuse(const std::string& file, const std::string& what) {
  throw Error(ErrorCode::bad_file, fmt::format("{}: {}", file, what));
}

uint64_t offset_of(const json& value, const std::string& file, const std::string& tensor) {
  if (!value.is_number_unsigned()) refuse(file, fmt::format("tensor {} has offsets that are no whole numbers", tensor));
  return value.get<uint64_t>();
}

StoredTensor read_entry(const std::string& name, const json& entry, std::span<const std::byte> data,
                        const std::string& file) {
  const std::string shown = in_quotes(name);
  if (!entry.is_object() || !entry.contains("dtype") || !entry["dtype"].is_string() || !entry.contains("shape") ||
      !entry["shape"].is_array() || !entry.contains("data_offsets") || !entry["data_offsets"].is_array() ||
      entry["data_offsets"].size() != 2)
    refuse(file, fmt::format("tensor {} lacks its dtype, shape or data_offsets; the header is damaged", shown));

  StoredTensor tensor{name, entry["dtype"].get<std::string>(), {}, {}};
  const auto type = std::find_if(std::begin(stored_types), std::end(stored_types),
                                 [&](const StoredType& t) { return t.name == tensor.dtype; });
  if (type == std::end(stored_types))
    refuse(file, fmt::format("tensor {} has the unknown type {}", shown, in_quotes(tensor.dtype)));
  if (entry["shape"].size() > longest_rank)
    refuse(file, fmt::format("tensor {} has {} dimensions", shown, entry["shape"].size()));

  int64_t elements = 1;
  for (const json& extent : entry["shape"]) {
    if (!extent.is_number_unsigned() || extent.get<uint64_t>() > INT64_MAX / 64)
      refuse(file, fmt::format("tensor {} has an extent that is no reasonable whole number", shown));
    const int64_t length = extent.get<int64_t>();
    if (__builtin_mul_overflow(elements, length, &elements) || elements > INT64_MAX / 64)
      refuse(file, fmt::format("tensor {} has a shape whose product overflows", shown));
    tensor.shape.push_back(length);
  }
  const uint64_t begin = offset_of(entry["data_offsets"][0], file, shown),
                 end = offset_of(entry["data_offsets"][1], file, shown);
  const auto bytes = static_cast<uint64_t>(elements * type->bits / 8);
  if (begin > end) refuse(file, fmt::format("tensor {} ends before it begins", shown));
  if (end > data.size())
    refuse(file,
           fmt::format("tensor {} reaches to byte {} of the data, the file holds {}; it is cut short, fetch it again",
                       shown, end, data.size()));
  if (end - begin != bytes)
    refuse(file, fmt::format("tensor {} has {} bytes where its shape and type need {}", shown, end - begin, bytes));
  tensor.bytes = data.subspan(begin, bytes);
  return tensor;
}

void check_cover(const std::vector<StoredTensor>& tensors, std::span<const std::byte> data, const std::string& file) {
  std::vector<const StoredTensor*> order;
  for (const StoredTensor& tensor : tensors)
    if (!tensor.bytes.empty()) order.push_back(&tensor);
  std::sort(order.begin(), order.end(), [](auto* a, auto* b) { return a->bytes.data() < b->bytes.data(); });
  const std::byte* reached = data.data();
  for (const StoredTensor* tensor : order) {
    if (tensor->bytes.data() < reached)
      refuse(file, fmt::format("tensor {} overlaps another", in_quotes(tensor->name)));
    if (tensor->bytes.data() > reached)
      refuse(file, fmt::format("bytes before tensor {} belong to none", in_quotes(tensor->name)));
    reached += tensor->bytes.size();
  }
  const auto rest = static_cast<uint64_t>(data.data() + data.size() - reached);
  if (rest) refuse(file, fmt::format("{} bytes at its end belong to no tensor; it is damaged, fetch it again", rest));
}

}  // namespace

std::vector<StoredTensor> parse_safetensors(std::span<const std::byte> file, const std::string& name) {
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  if (is_git_lfs_pointer(text))
    refuse(name, "is a Git-LFS pointer, the weights are not here; fetch them with git lfs pull");
  if (file.size() < 8)
    refuse(name, fmt::format("{} bytes is too short for safetensors; it is cut short, fetch it again", file.size()));
  uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, file.data(), 8);
  if (header_bytes > longest_header || header_bytes > file.size() - 8) {
    // Text or another format where the length should be reads as a huge number.
    refuse(name, fmt::format("its header claims {} bytes, the file has {}; it is cut short or not safetensors",
                             header_bytes, file.size() - 8));
  }
  const json header = parse_json_object(text.substr(8, header_bytes), name);
  const auto data = file.subspan(8 + header_bytes);
  std::vector<StoredTensor> tensors;
  for (const auto& [key, entry] : header.items())
    if (key != "__metadata__") tensors.push_back(read_entry(key, entry, data, name));
  check_cover(tensors, data, name);
  return tensors;
}

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path)
    : mapped_(path), tensors_(parse_safetensors(mapped_.bytes(), path.string())) {}

}  // namespace stemma
