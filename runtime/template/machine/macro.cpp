#include "runtime/template/machine/macro.h"

#include <fmt/format.h>

#include <algorithm>

namespace stemma::jinja {

std::optional<Value> Macro::attribute(std::string_view name) {
  if (name == "name") return parts_.name.empty() ? Value(None{}) : make_text(parts_.name);
  if (name == "caller") return Value(parts_.uses_caller);
  if (name == "catch_kwargs") return Value(parts_.uses_kwargs);
  if (name == "catch_varargs") return Value(parts_.uses_varargs);
  if (name != "arguments") return std::nullopt;
  std::vector<Value> names;
  for (const auto& [symbol, parameter] : parts_.parameters) names.push_back(make_text(parameter));
  return make_tuple(std::move(names));
}

std::string Macro::printed() const {
  return fmt::format("<Macro {}>", parts_.name.empty() ? "anonymous" : quoted(parts_.name));
}

// The values of parameters, caller, kwargs and varargs; `given` says which parameters have one.
void Macro::lay_out(Scope& scope, Arguments& arguments, std::vector<bool>& given) const {
  auto& named = arguments.named;
  work(static_cast<int64_t>(parts_.parameters.size() * (1 + named.size() / 8)));
  const auto take = [&](const std::string& name) -> std::optional<Value> {
    const auto place = std::find_if(named.begin(), named.end(), [&](const auto& each) { return each.first == name; });
    if (place == named.end()) return std::nullopt;
    Value value = std::move(place->second);
    named.erase(place);
    return value;
  };
  for (size_t i = 0; i < parts_.parameters.size(); ++i) {
    const auto& [symbol, name] = parts_.parameters[i];
    std::optional<Value> value;
    if (i < arguments.positional.size())
      value = arguments.positional[i];
    else
      value = take(name);
    given.push_back(value.has_value());
    scope.set(symbol, value ? *value : make_undefined(fmt::format("parameter '{}' was not provided", name)));
  }
  if (parts_.uses_caller) scope.set(parts_.caller, take("caller").value_or(make_undefined("No caller defined")));
  if (parts_.uses_kwargs) {
    auto rest = std::make_shared<Dict>();
    for (const auto& [name, value] : named) rest->set(make_text(name), value);
    scope.set(parts_.kwargs, Value(std::shared_ptr<const Dict>(rest)));
  } else if (!named.empty()) {
    throw Fault(fmt::format("macro '{}' takes no keyword argument '{}'", parts_.name, named[0].first));
  }
  const size_t taken = std::min(arguments.positional.size(), parts_.parameters.size());
  if (parts_.uses_varargs)
    scope.set(parts_.varargs, make_tuple({arguments.positional.begin() + static_cast<std::ptrdiff_t>(taken),
                                          arguments.positional.end()}));
  else if (taken < arguments.positional.size())
    throw Fault(fmt::format("macro '{}' takes not more than {} argument(s)", parts_.name, parts_.parameters.size()));
}

Value Macro::call(Machine& machine, Arguments& arguments) {
  const auto scope = std::make_shared<Scope>(scope_);
  std::vector<bool> given;
  lay_out(*scope, arguments, given);
  return make_text(machine.called([&] {
    return machine.within(scope, [&] {
      const size_t first_default = parts_.parameters.size() - parts_.defaults.size();
      for (size_t i = first_default; i < parts_.parameters.size(); ++i)
        if (!given[i]) scope->set(parts_.parameters[i].first, machine.evaluate(*parts_.defaults[i - first_default]));
      return machine.captured([&] { machine.execute(parts_.body); });
    });
  }));
}

}  // namespace stemma::jinja
