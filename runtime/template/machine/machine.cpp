#include "runtime/template/machine/machine.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/template/machine/self.h"
#include "runtime/template/values/object.h"

namespace stemma::jinja {

namespace {

constexpr int deepest_evaluation = 2500;  // the stack holds as much, with room to spare

}  // namespace

Machine::Machine(const Tree& tree, Context context, Meter& meter, const TemplateLimits& limits, Time now)
    : tree_(tree),
      context_(std::move(context)),
      meter_(meter),
      limits_(limits),
      now_(now),
      outermost_(std::make_shared<Scope>(nullptr)),
      scope_(outermost_),
      random_(static_cast<uint64_t>(now.time_since_epoch().count())) {
  const auto loop = std::find(tree.names.begin(), tree.names.end(), "loop");
  if (loop != tree.names.end()) loop_ = static_cast<Symbol>(loop - tree.names.begin());
  const auto self = std::find(tree.names.begin(), tree.names.end(), "self");
  if (self != tree.names.end())
    context_[static_cast<size_t>(self - tree.names.begin())] =
        Value(std::shared_ptr<Object>(std::make_shared<Self>(tree)));
}

std::string Machine::run() {
  return captured([&] { execute(tree_.body); });
}

Value Machine::evaluate(const Expression& expression) {
  const Restored<int> depth(depth_, depth_ + 1);
  if (depth_ > deepest_evaluation) refuse_depth();
  meter_.work(1);
  return expression.evaluate(*this);
}

Flow Machine::execute(const Body& body) {
  const Restored<int> depth(depth_, depth_ + 1);
  if (depth_ > deepest_evaluation) refuse_depth();
  for (const StatementPointer& statement : body) {
    meter_.work(1);
    line_ = statement->line;
    if (const Flow flow = statement->execute(*this); flow != Flow::onward) return flow;
  }
  return Flow::onward;
}

Flow Machine::execute_in_scope(const Body& body, std::shared_ptr<Scope> scope) {
  return within(std::move(scope), [&] { return execute(body); });
}

void Machine::refuse_depth() const {
  throw Stop(fmt::format("stopped, since it calls itself again and again, more than {} deep", limits_.calls));
}

Arguments Machine::evaluate(const CallArguments& arguments) {
  Arguments values;
  for (const ExpressionPointer& each : arguments.positional) values.positional.push_back(evaluate(*each));
  if (arguments.more_positional)
    for (Value& each : list_of(evaluate(*arguments.more_positional))) values.positional.push_back(std::move(each));
  for (const auto& [name, each] : arguments.named) values.named.emplace_back(name, evaluate(*each));
  if (arguments.more_named) {
    const Value more = evaluate(*arguments.more_named);
    if (!more.is(Value::Kind::dict)) throw Fault("argument after ** must be a mapping");
    for (const auto& [key, value] : more.dict().entries()) {
      if (!key.is_text()) throw Fault("keywords must be strings");
      work(1 + static_cast<int64_t>(values.named.size()) / 8);
      const auto same = [&key = key.text().bytes](const auto& each) { return each.first == key; };
      if (std::any_of(values.named.begin(), values.named.end(), same))
        throw Fault(fmt::format("got multiple values for keyword argument '{}'", key.text().bytes));
      values.named.emplace_back(key.text().bytes, value);
    }
  }
  return values;
}

void Machine::write(const Value& value) {
  value.is_text() ? write(std::string_view(value.text().bytes)) : write(printed(value));
}

Value Machine::variable(Symbol symbol, const std::string& name) const {
  if (const Value* found = scope_->find(symbol)) return *found;
  const Value& given = context_[static_cast<size_t>(symbol)];
  return given.is_undefined() ? make_undefined(fmt::format("'{}' is undefined", name)) : given;
}

void Machine::assign(const Target& target, const Value& value) {
  if (target.tuple) {
    const std::vector<Value> values = list_of(value);
    if (values.size() != target.parts.size())
      throw Fault(fmt::format("{} values to unpack into {} names", values.size(), target.parts.size()));
    for (size_t i = 0; i < values.size(); ++i) assign(target.parts[i], values[i]);
  } else if (target.attribute.empty()) {
    scope_->set(target.symbol, value);
  } else {
    auto* space = variable(target.symbol, tree_.names[static_cast<size_t>(target.symbol)]).as<Namespace>();
    if (!space) throw Fault("cannot assign attribute on non-namespace object");
    space->set(target.attribute, value);
  }
}

}  // namespace stemma::jinja
