#include "runtime/model/files/gguf_cursor.h"

#include <fmt/format.h>

#include <cstring>

#include "runtime/error.h"
#include "runtime/model/files/json_file.h"

namespace stemma {

namespace {

// Bytes of one element by type; 0 for texts and arrays.
constexpr uint64_t widths[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

}  // namespace

void GgufCursor::refuse(const std::string& what) const {
  throw Error(ErrorCode::bad_file, fmt::format("{}: {} (at byte {})", file_, what, at_));
}

std::span<const std::byte> GgufCursor::take(uint64_t count, const char* what) {
  if (count > left())
    refuse(fmt::format("{} reaches {} bytes past the end; it is cut short, fetch it again", what, count - left()));
  const auto taken = bytes_.subspan(at_, count);
  at_ += count;
  return taken;
}

uint32_t GgufCursor::u32(const char* what) {
  uint32_t value;
  std::memcpy(&value, take(sizeof value, what).data(), sizeof value);
  return value;
}

uint64_t GgufCursor::u64(const char* what) {
  uint64_t value;
  std::memcpy(&value, take(sizeof value, what).data(), sizeof value);
  return value;
}

std::string_view GgufCursor::text(const char* what) {
  const auto bytes = take(u64(what), what);
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

GgufValue GgufCursor::value(std::string_view key) {
  auto type_of = [&](uint32_t number) {
    if (number >= std::size(widths)) refuse(fmt::format("key {} has the unknown type {}", in_quotes(key), number));
    return static_cast<GgufType>(number);
  };
  GgufValue value{type_of(u32("a value's type")), false, 1, {}};
  if (value.type == GgufType::array) {
    value.array = true;
    value.type = type_of(u32("an array's type"));
    value.count = u64("an array's length");
    if (value.type == GgufType::array) refuse(fmt::format("key {} is an array of arrays", in_quotes(key)));
  }
  const uint64_t width = widths[static_cast<uint32_t>(value.type)];
  if (value.count > left() / (width ? width : sizeof(uint64_t)))
    refuse(fmt::format("key {} claims {} elements, more than the file can hold; it is damaged, fetch it again",
                       in_quotes(key), value.count));
  const uint64_t begin = at_;
  if (width)
    take(value.count * width, "a value");
  else
    for (uint64_t i = 0; i < value.count; ++i) text("a text");
  value.bytes = bytes_.subspan(begin, at_ - begin);
  if (value.type == GgufType::boolean)
    for (const std::byte b : value.bytes)
      if (b > std::byte{1}) refuse(fmt::format("key {} is neither true nor false", in_quotes(key)));
  return value;
}

}  // namespace stemma
