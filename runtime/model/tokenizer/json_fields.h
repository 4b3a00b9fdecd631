// Fields of a JSON object that may be missing, null or of another type.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace stemma {

inline const nlohmann::json* field(const nlohmann::json& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto place = object.find(key);
  return place == object.end() || place->is_null() ? nullptr : &*place;
}
inline std::string text_field(const nlohmann::json& object, const char* key, const std::string& otherwise = "") {
  const auto* value = field(object, key);
  return value && value->is_string() ? value->get<std::string>() : otherwise;
}
inline bool flag_field(const nlohmann::json& object, const char* key, bool otherwise) {
  const auto* value = field(object, key);
  return value && value->is_boolean() ? value->get<bool>() : otherwise;
}
inline int64_t count_field(const nlohmann::json& object, const char* key, int64_t otherwise) {
  const auto* value = field(object, key);
  return value && value->is_number_integer() && *value >= 0 && *value < int64_t{1} << 31 ? value->get<int64_t>()
                                                                                         : otherwise;
}

}  // namespace stemma
