// Between JSON and a template's values.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "runtime/template/values/value.h"

namespace stemma::jinja {

// Throws Fault for what nests too deep.
Value from_json(const nlohmann::ordered_json& json);

// As Python's json.dumps().
struct JsonStyle {
  bool ascii = false, sorted = false;
  std::string item_separator = ", ", key_separator = ": ";
  bool indents = false;
  std::string indent;  // of one level
};
std::string to_json(const Value& value, const JsonStyle& style);

}  // namespace stemma::jinja
