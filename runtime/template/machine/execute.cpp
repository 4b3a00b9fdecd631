// What each kind of statement does.
#include <fmt/format.h>

#include "runtime/template/machine/loop.h"
#include "runtime/template/machine/machine.h"
#include "runtime/template/machine/macro.h"
#include "runtime/template/syntax/statements.h"

namespace stemma::jinja {

namespace {

// Unlike {{ }}, blocks make no text of what they give.
void write_text(Machine& machine, const Value& value) {
  if (!value.is_text()) throw Fault(fmt::format("expected str instance, {} found", value.type_name()));
  machine.write(value);
}

}  // namespace

Flow Data::execute(Machine& machine) const {
  machine.write(text);
  return Flow::onward;
}

Flow Output::execute(Machine& machine) const {
  machine.write(machine.evaluate(*value));
  return Flow::onward;
}

Flow If::execute(Machine& machine) const {
  for (const auto& [test, body] : branches)
    if (truth(machine.evaluate(*test))) return machine.execute(body);
  return machine.execute(otherwise);
}

Flow For::execute(Machine& machine) const { return run_loop(machine, *this, machine.evaluate(*items), 0); }

Flow Set::execute(Machine& machine) const {
  machine.assign(target, machine.evaluate(*value));
  return Flow::onward;
}

Flow SetBlock::execute(Machine& machine) const {
  Flow flow = Flow::onward;
  const auto scope = machine.new_scope();
  std::string text = machine.captured([&] { flow = machine.execute_in_scope(body, scope); });
  if (flow != Flow::onward) return flow;
  Value value = make_text(std::move(text));
  if (filter)
    value = machine.within(scope, [&] {
      machine.block_text = value;
      return machine.evaluate(*filter);
    });
  machine.assign(target, value);
  return Flow::onward;
}

Flow With::execute(Machine& machine) const {
  const auto scope = machine.new_scope();
  for (const auto& [target, value] : values) {
    const Value given = machine.evaluate(*value);
    machine.within(scope, [&, &target = target] { machine.assign(target, given); });
  }
  return machine.execute_in_scope(body, scope);
}

Flow Scoped::execute(Machine& machine) const {
  if (!required.empty()) throw Fault(fmt::format("the required block '{}' is not filled", required));
  const auto outer = sort == Sort::block ? machine.outermost() : machine.scope();
  return machine.execute_in_scope(body, std::make_shared<Scope>(outer));
}

Flow FilterBlock::execute(Machine& machine) const {
  Flow flow = Flow::onward;
  const auto scope = machine.new_scope();
  std::string text = machine.captured([&] { flow = machine.execute_in_scope(body, scope); });
  if (flow != Flow::onward) return flow;
  machine.block_text = make_text(std::move(text));
  write_text(machine, machine.within(scope, [&] { return machine.evaluate(*filter); }));
  return Flow::onward;
}

Flow MacroDefinition::execute(Machine& machine) const {
  Target target;
  target.symbol = symbol;
  machine.assign(target, Value(std::static_pointer_cast<Object>(std::make_shared<Macro>(*parts, machine.scope()))));
  return Flow::onward;
}

Flow CallBlock::execute(Machine& machine) const {
  const Value caller(std::static_pointer_cast<Object>(std::make_shared<Macro>(*parts, machine.scope())));
  write_text(machine, call->evaluate(machine, &caller));
  return Flow::onward;
}

Flow Loading::execute(Machine&) const {
  throw Stop(fmt::format("asks for another file by {{% {} %}}; a chat template stands alone", tag));
}

}  // namespace stemma::jinja
