#include <fmt/format.h>

#include <cstring>

#include "runtime/error.h"
#include "runtime/model/files/gguf.h"
#include "runtime/model/files/json_file.h"

namespace stemma {

namespace {

template <class T>
T element(const GgufValue& value, uint64_t i) {
  T x;
  std::memcpy(&x, value.bytes.data() + i * sizeof x, sizeof x);
  return x;
}

bool is_integer(GgufType type) {
  return type != GgufType::f32 && type != GgufType::f64 && type != GgufType::boolean && type != GgufType::text;
}

// A u64 above the largest int64 becomes negative, which no size, count or id is.
int64_t integer_at(const GgufValue& value, uint64_t i) {
  switch (value.type) {
    case GgufType::u8:
      return element<uint8_t>(value, i);
    case GgufType::i8:
      return element<int8_t>(value, i);
    case GgufType::u16:
      return element<uint16_t>(value, i);
    case GgufType::i16:
      return element<int16_t>(value, i);
    case GgufType::u32:
      return element<uint32_t>(value, i);
    case GgufType::i32:
      return element<int32_t>(value, i);
    default:
      return element<int64_t>(value, i);
  }
}

double number_at(const GgufValue& value, uint64_t i) {
  if (value.type == GgufType::f32) return static_cast<double>(element<float>(value, i));
  if (value.type == GgufType::f64) return element<double>(value, i);
  return static_cast<double>(integer_at(value, i));
}

bool is_number(GgufType type) { return type == GgufType::f32 || type == GgufType::f64 || is_integer(type); }

}  // namespace

const GgufValue* Gguf::find(std::string_view key, bool array) const {
  const auto place = metadata_.find(key);
  if (place == metadata_.end()) return nullptr;
  if (place->second.array != array) refuse_kind(key, array ? "an array" : "one value");
  return &place->second;
}

void Gguf::refuse_kind(std::string_view key, const char* wanted) const {
  throw Error(ErrorCode::bad_file,
              fmt::format("{}: key {} is not {}; convert the model again", file_, in_quotes(key), wanted));
}

std::optional<std::string_view> Gguf::text(std::string_view key) const {
  const GgufValue* value = find(key, false);
  if (!value) return {};
  if (value->type != GgufType::text) refuse_kind(key, "a text");
  return std::string_view(reinterpret_cast<const char*>(value->bytes.data()), value->bytes.size()).substr(8);
}

std::optional<int64_t> Gguf::integer(std::string_view key) const {
  const GgufValue* value = find(key, false);
  if (!value) return {};
  if (!is_integer(value->type)) refuse_kind(key, "a whole number");
  return integer_at(*value, 0);
}

std::optional<double> Gguf::number(std::string_view key) const {
  const GgufValue* value = find(key, false);
  if (!value) return {};
  if (!is_number(value->type)) refuse_kind(key, "a number");
  return number_at(*value, 0);
}

std::optional<bool> Gguf::flag(std::string_view key) const {
  const GgufValue* value = find(key, false);
  if (!value) return {};
  if (value->type != GgufType::boolean) refuse_kind(key, "true or false");
  return element<uint8_t>(*value, 0) != 0;
}

std::vector<std::string_view> Gguf::texts(std::string_view key) const {
  const GgufValue* value = find(key, true);
  if (!value) return {};
  if (value->type != GgufType::text) refuse_kind(key, "an array of texts");
  std::vector<std::string_view> all;
  all.reserve(value->count);
  std::string_view rest(reinterpret_cast<const char*>(value->bytes.data()), value->bytes.size());
  for (uint64_t i = 0; i < value->count; ++i) {
    uint64_t length;
    std::memcpy(&length, rest.data(), sizeof length);
    all.push_back(rest.substr(sizeof length, length));
    rest.remove_prefix(sizeof length + length);
  }
  return all;
}

std::vector<int64_t> Gguf::integers(std::string_view key) const {
  const GgufValue* value = find(key, true);
  if (!value) return {};
  if (!is_integer(value->type)) refuse_kind(key, "an array of whole numbers");
  std::vector<int64_t> all(value->count);
  for (uint64_t i = 0; i < value->count; ++i) all[i] = integer_at(*value, i);
  return all;
}

std::vector<double> Gguf::numbers(std::string_view key) const {
  const GgufValue* value = find(key, true);
  if (!value) return {};
  if (!is_number(value->type)) refuse_kind(key, "an array of numbers");
  std::vector<double> all(value->count);
  for (uint64_t i = 0; i < value->count; ++i) all[i] = number_at(*value, i);
  return all;
}

std::vector<bool> Gguf::flags(std::string_view key) const {
  const GgufValue* value = find(key, true);
  if (!value) return {};
  if (value->type != GgufType::boolean) refuse_kind(key, "an array of true or false");
  std::vector<bool> all(value->count);
  for (uint64_t i = 0; i < value->count; ++i) all[i] = element<uint8_t>(*value, i) != 0;
  return all;
}

}  // namespace stemma
