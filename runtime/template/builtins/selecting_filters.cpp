// map, select, reject and their kin: what they give is made when it is gone through.
#include <fmt/format.h>

#include <algorithm>

#include "runtime/template/builtins/attributes.h"
#include "runtime/template/builtins/registry.h"
#include "runtime/template/values/operators.h"

namespace stemma::jinja {

namespace {

// The name of a filter or test among the arguments, and the arguments that are for it.
struct Named {
  std::string name;
  Arguments rest;
};

Named named_at(const Arguments& arguments, size_t place) {
  const Value& name = arguments.positional[place];
  Named named{name.is_text() ? name.text().bytes : std::string(), {}};
  named.rest.positional.assign(arguments.positional.begin() + static_cast<std::ptrdiff_t>(place) + 1,
                               arguments.positional.end());
  named.rest.named = arguments.named;
  return named;
}

Cursor map_by_attribute(Cursor cursor, const Arguments& arguments) {
  Value attribute, otherwise = None{};
  for (const auto& [name, value] : arguments.named) {
    if (name == "attribute")
      attribute = value;
    else if (name == "default")
      otherwise = value;
    else
      throw Fault(fmt::format("map() got an unexpected keyword argument '{}'", name));
  }
  return [cursor = std::move(cursor), path = AttributePath(attribute), otherwise](Value& next) mutable {
    if (!cursor(next)) return false;
    work(1);
    next = path.of(next, otherwise.is_none() ? nullptr : &otherwise);
    return true;
  };
}

Cursor map_by_filter(Machine& machine, Cursor cursor, const Arguments& arguments) {
  if (arguments.positional.empty()) throw Fault("map requires a filter argument");
  Named named = named_at(arguments, 0);
  const Filter filter = filter_named(named.name);
  if (!filter) throw Fault(fmt::format("there is no filter '{}'", named.name));
  return [&machine, cursor = std::move(cursor), filter, named = std::move(named)](Value& next) mutable {
    if (!cursor(next)) return false;
    work(1);
    next = filter(machine, next, named.rest);
    return true;
  };
}

// Errors in the arguments show when the first item is asked for, as in Python's generators.
Value lazily(const Value& input, const Arguments& arguments, std::function<Cursor(Cursor)> make) {
  if (!truth(input)) return make_generator([](Value&) { return false; }, 0);
  return make_lazy_generator([input, make = std::move(make)] { return make(items_of(input)); },
                             std::max(input.depth(), arguments.depth()));
}

Value map(Machine& machine, const Value& input, const Arguments& arguments) {
  const bool by_attribute =
      arguments.positional.empty() && std::any_of(arguments.named.begin(), arguments.named.end(),
                                                  [](const auto& each) { return each.first == "attribute"; });
  return lazily(input, arguments, [&machine, arguments, by_attribute](Cursor cursor) {
    return by_attribute ? map_by_attribute(std::move(cursor), arguments)
                        : map_by_filter(machine, std::move(cursor), arguments);
  });
}

Cursor select_from(Machine& machine, Cursor cursor, const Arguments& arguments, bool keeps, bool by_attribute) {
  if (by_attribute && arguments.positional.empty()) throw Fault("Missing parameter for attribute name");
  const AttributePath path(by_attribute ? arguments.positional[0] : Value(None{}));
  const size_t place = by_attribute ? 1 : 0;
  Test test = nullptr;
  Named named;
  if (arguments.positional.size() > place) {
    named = named_at(arguments, place);
    test = test_named(named.name);
    if (!test) throw Fault(fmt::format("there is no test '{}'", named.name));
  }
  return [&machine, cursor = std::move(cursor), path, test, named = std::move(named), keeps](Value& next) mutable {
    while (cursor(next)) {
      work(1);
      const Value looked_at = path.of(next);
      if ((test ? test(machine, looked_at, named.rest) : truth(looked_at)) == keeps) return true;
    }
    return false;
  };
}

template <bool keeps, bool by_attribute>
Value select(Machine& machine, const Value& input, const Arguments& arguments) {
  return lazily(input, arguments, [&machine, arguments](Cursor cursor) {
    return select_from(machine, std::move(cursor), arguments, keeps, by_attribute);
  });
}

}  // namespace

const FilterTable& selecting_filters() {
  static const FilterTable table = {
      {"map", map},
      {"select", select<true, false>},
      {"reject", select<false, false>},
      {"selectattr", select<true, true>},
      {"rejectattr", select<false, true>},
  };
  return table;
}

Filter filter_named(std::string_view name) {
  for (const FilterTable* table : {&text_filters(), &number_filters(), &sequence_filters(), &selecting_filters(),
                                   &json_filters(), &wrapping_filters(), &printing_filters()})
    if (const auto found = table->find(name); found != table->end()) return found->second;
  return nullptr;
}

}  // namespace stemma::jinja
