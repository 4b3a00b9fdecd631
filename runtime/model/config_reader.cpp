#include "runtime/model/config_reader.h"

#include <fmt/format.h>

#include "runtime/error.h"

namespace stemma {

using nlohmann::json;

void ConfigReader::refuse(const std::string& what) const {
  throw Error(ErrorCode::bad_file, fmt::format("{}: {}", file_, what));
}

std::string_view ConfigReader::name(std::string_view key) const {
  for (const auto& [usual, own] : aliases_)
    if (usual == key) return own;
  return key;
}

const json* ConfigReader::find(std::string_view key) const {
  const auto place = document_.find(name(key));
  return place == document_.end() || place->is_null() ? nullptr : &*place;
}

std::string ConfigReader::text(std::string_view key, const std::string& otherwise) const {
  const json* value = find(key);
  return value && value->is_string() ? value->get<std::string>() : otherwise;
}

bool ConfigReader::flag(std::string_view key, bool otherwise) const {
  const json* value = find(key);
  if (!value) return otherwise;
  if (!value->is_boolean()) refuse(fmt::format("'{}' is neither true nor false", name(key)));
  return value->get<bool>();
}

int ConfigReader::size(std::string_view key, int otherwise, int64_t limit) const {
  const json* value = find(key);
  if (!value && otherwise >= 0) return otherwise;
  if (!value) refuse(fmt::format("lacks '{}'", name(key)));
  if (!value->is_number_unsigned() || value->get<uint64_t>() < 1 ||
      value->get<uint64_t>() >= static_cast<uint64_t>(limit))
    refuse(fmt::format("'{}' must be a whole number from 1 to {}", name(key), limit - 1));
  return value->get<int>();
}

float ConfigReader::number(std::string_view key, float otherwise) const {
  const json* value = find(key);
  if (!value) return otherwise;
  const double x = value->is_number() ? value->get<double>() : -1;
  if (!(x > 0 && x < 1e12)) refuse(fmt::format("'{}' must be a positive number", name(key)));
  return static_cast<float>(x);
}

std::vector<int> ConfigReader::tokens(std::string_view key) const {
  const json* value = find(key);
  if (!value) return {};
  std::vector<int> ids;
  for (const json& id : value->is_array() ? *value : json::array({*value})) {
    if (id.is_number_integer() && id == -1) continue;
    if (!id.is_number_unsigned() || id.get<uint64_t>() >= static_cast<uint64_t>(config_size_limit))
      refuse(fmt::format("'{}' is not a token id", name(key)));
    ids.push_back(id.get<int>());
  }
  return ids;
}

const json* ConfigReader::object(std::string_view key) const {
  const json* value = find(key);
  if (value && !value->is_object()) refuse(fmt::format("'{}' is no object of settings", name(key)));
  return value;
}

}  // namespace stemma
