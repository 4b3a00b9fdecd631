#include "runtime/template/machine/parameters.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/template/values/operators.h"

namespace stemma::jinja {

Parameters::Parameters(std::string_view function, const Arguments& arguments,
                       std::initializer_list<std::string_view> names, size_t required)
    : function_(function), values_(names.size()) {
  if (arguments.positional.size() > names.size())
    throw Fault(
        fmt::format("{}() takes at most {} arguments ({} given)", function, names.size(), arguments.positional.size()));
  for (size_t i = 0; i < arguments.positional.size(); ++i) values_[i] = &arguments.positional[i];
  for (const auto& [name, value] : arguments.named) {
    const auto place = static_cast<size_t>(std::find(names.begin(), names.end(), name) - names.begin());
    if (name.empty() || place == names.size())
      throw Fault(fmt::format("{}() got an unexpected keyword argument '{}'", function, name));
    if (values_[place]) throw Fault(fmt::format("{}() got multiple values for argument '{}'", function, name));
    values_[place] = &value;
  }
  for (size_t i = 0; i < required; ++i)
    if (!values_[i]) throw Fault(fmt::format("{}() missing required argument: '{}'", function, names.begin()[i]));
}

bool Parameters::truth(size_t i, bool otherwise) const { return given(i) ? jinja::truth(*values_[i]) : otherwise; }

int64_t Parameters::whole(size_t i, int64_t otherwise) const {
  if (!given(i)) return otherwise;
  if (values_[i]->is_undefined()) throw Fault(values_[i]->why_undefined());
  if (values_[i]->is(Value::Kind::wide)) throw Fault(fmt::format("{}(): an integer is out of range", function_));
  if (!values_[i]->is_whole())
    throw Fault(
        fmt::format("{}(): '{}' object cannot be interpreted as an integer", function_, values_[i]->type_name()));
  return values_[i]->whole();
}

const std::string& Parameters::text(size_t i) const {
  const Value& value = (*this)[i];
  if (!value.is_text())
    throw Fault(fmt::format("{}() argument {} must be str, not {}", function_, i + 1, value.type_name()));
  return value.text().bytes;
}

}  // namespace stemma::jinja
