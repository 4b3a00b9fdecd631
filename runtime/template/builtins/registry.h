// The filters and tests that templates can name.
#pragma once

#include <string_view>
#include <unordered_map>

#include "runtime/template/values/object.h"

namespace stemma::jinja {

using Filter = Value (*)(Machine& machine, const Value& input, const Arguments& arguments);
using Test = bool (*)(Machine& machine, const Value& input, const Arguments& arguments);
using FilterTable = std::unordered_map<std::string_view, Filter>;
using TestTable = std::unordered_map<std::string_view, Test>;

const FilterTable& text_filters();
const FilterTable& number_filters();
const FilterTable& sequence_filters();
const FilterTable& selecting_filters();
const FilterTable& json_filters();
const FilterTable& wrapping_filters();
const FilterTable& printing_filters();

Filter filter_named(std::string_view name);  // null: there is none
Test test_named(std::string_view name);

}  // namespace stemma::jinja
