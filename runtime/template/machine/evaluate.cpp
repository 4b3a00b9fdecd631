// What each kind of expression is worth.
#include <fmt/format.h>

#include "runtime/template/machine/machine.h"
#include "runtime/template/syntax/syntax.h"
#include "runtime/template/values/object.h"

namespace stemma::jinja {

Value Variable::evaluate(Machine& machine) const { return machine.variable(symbol, name); }

Value ListOf::evaluate(Machine& machine) const {
  std::vector<Value> values;
  for (const ExpressionPointer& item : items) values.push_back(machine.evaluate(*item));
  return tuple ? make_tuple(std::move(values)) : make_list(std::move(values));
}

Value DictOf::evaluate(Machine& machine) const {
  auto dict = std::make_shared<Dict>();
  for (const auto& [key, value] : entries) {
    const Value name = machine.evaluate(*key);
    dict->set(name, machine.evaluate(*value));
  }
  return Value(std::shared_ptr<const Dict>(dict));
}

Value Attribute::evaluate(Machine& machine) const { return attribute_of(machine.evaluate(*of), name); }

Value Item::evaluate(Machine& machine) const {
  const Value holder = machine.evaluate(*of);
  return item_of(holder, machine.evaluate(*key));
}

Value SliceOf::evaluate(Machine& machine) const {
  const Value holder = machine.evaluate(*of);
  const auto part = [&](const ExpressionPointer& each) { return each ? machine.evaluate(*each) : Value(None{}); };
  const Value from = part(begin), to = part(end);
  return slice_of(holder, from, to, part(step));
}

Value Call::evaluate(Machine& machine) const { return evaluate(machine, nullptr); }

Value Call::evaluate(Machine& machine, const Value* caller) const {
  const Value function = machine.evaluate(*callee);
  Arguments values = machine.evaluate(arguments);
  if (caller) values.named.emplace_back("caller", *caller);
  return call_value(machine, function, values);
}

Value FilterOf::evaluate(Machine& machine) const {
  const Value input = of ? machine.evaluate(*of) : machine.block_text;
  const Arguments values = machine.evaluate(arguments);
  const Filter filter = filter_named(name);
  if (!filter) throw Fault(fmt::format("there is no filter '{}'", name));
  return filter(machine, input, values);
}

Value TestOf::evaluate(Machine& machine) const {
  const Value input = machine.evaluate(*of);
  const Arguments values = machine.evaluate(arguments);
  const Test test = test_named(name);
  if (!test) throw Fault(fmt::format("there is no test '{}'", name));
  return Value(test(machine, input, values));
}

Value Unary::evaluate(Machine& machine) const {
  const Value value = machine.evaluate(*of);
  if (sign == Sign::negation) return Value(!truth(value));
  return sign == Sign::minus ? negated(value) : positive(value);
}

Value BinaryOf::evaluate(Machine& machine) const {
  const Value a = machine.evaluate(*left);
  return apply(operation, a, machine.evaluate(*right));
}

Value Choice::evaluate(Machine& machine) const {
  Value first = machine.evaluate(*left);
  return truth(first) == both ? machine.evaluate(*right) : first;
}

Value Concatenation::evaluate(Machine& machine) const {
  std::vector<Value> values;
  for (const ExpressionPointer& part : parts) values.push_back(machine.evaluate(*part));
  Builder text;
  for (const Value& value : values) value.is_text() ? text.add(value.text().bytes) : text.add(printed(value));
  return make_text(text.take());
}

Value Comparisons::evaluate(Machine& machine) const {
  Value left = machine.evaluate(*first);
  for (const auto& [comparison, other] : others) {
    Value right = machine.evaluate(*other);
    if (!compare(comparison, left, right)) return Value(false);
    left = std::move(right);
  }
  return Value(true);
}

Value Conditional::evaluate(Machine& machine) const {
  if (truth(machine.evaluate(*test))) return machine.evaluate(*then);
  if (otherwise) return machine.evaluate(*otherwise);
  return make_undefined(
      fmt::format("the inline if-expression on line {} evaluated to false and no else section was defined.", line));
}

}  // namespace stemma::jinja
