// The methods of Python's str, list, tuple, dict, int and float that change nothing: all that a template can reach.
#pragma once

#include <optional>
#include <string_view>
#include <unordered_map>

#include "runtime/template/values/object.h"

namespace stemma::jinja {

using Method = Value (*)(const Value& self, Machine& machine, const Arguments& arguments);
using MethodTable = std::unordered_map<std::string_view, Method>;

const MethodTable& text_methods();
const MethodTable& text_search_methods();
const MethodTable& sequence_methods();
const MethodTable& dict_methods();
const MethodTable& number_methods();
const MethodTable& integer_methods();
const MethodTable& real_methods();

// value.name as a function that holds the value; nothing where there is no such method.
std::optional<Value> method_of(const Value& value, std::string_view name);

}  // namespace stemma::jinja
