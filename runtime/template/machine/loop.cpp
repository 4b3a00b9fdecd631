#include "runtime/template/machine/loop.h"

#include <fmt/format.h>

namespace stemma::jinja {

namespace {

// The items that pass the loop's `if`, tested one by one as the loop asks for them.
Value passing(Machine& machine, const For& node, const Value& items) {
  return make_generator(
      [&machine, &node, cursor = items_of(items), outer = machine.scope()](Value& next) mutable {
        while (cursor(next)) {
          work(1);
          const bool passes = machine.within(std::make_shared<Scope>(outer), [&] {
            machine.assign(node.target, next);
            return truth(machine.evaluate(*node.test));
          });
          if (passes) return true;
        }
        return false;
      },
      items.depth());
}

}  // namespace

Loop::Loop(const For& node, const Value& items, std::shared_ptr<Scope> scope, int depth)
    : Object(deeper(items.depth())),
      node_(node),
      scope_(std::move(scope)),
      items_(items),
      cursor_(items_of(items)),
      level_(depth) {}

bool Loop::next(Value& item) {
  if (after_) {
    item = std::move(*after_);
    after_.reset();
  } else if (!cursor_(item)) {
    return false;
  }
  ++index_;
  before_ = std::move(current_);
  current_ = item;
  return true;
}

const Value& Loop::peek() {
  static const Value nothing = make_undefined("there is no next item");
  if (Value next; !after_ && cursor_(next)) after_ = std::move(next);
  return after_ ? *after_ : nothing;
}

std::optional<int64_t> Loop::length() {
  if (!length_) length_ = length_of(items_);
  if (!length_) {
    std::vector<Value> rest;
    for (Value next; cursor_(next);) {
      work(1);
      rest.push_back(next);
    }
    length_ = static_cast<int64_t>(rest.size()) + index_ + 1 + (after_ ? 1 : 0);
    cursor_ = items_of(make_list(std::move(rest)));
  }
  return length_;
}

std::optional<Value> Loop::attribute(std::string_view name) {
  if (name == "index") return Value(index_ + 1);
  if (name == "index0") return Value(index_);
  if (name == "first") return Value(index_ == 0);
  if (name == "last") return Value((peek(), !after_));
  if (name == "length") return Value(*length());
  if (name == "revindex") return Value(*length() - index_);
  if (name == "revindex0") return Value(*length() - index_ - 1);
  if (name == "depth") return Value(int64_t{level_ + 1});
  if (name == "depth0") return Value(int64_t{level_});
  if (name == "nextitem") return peek();
  if (name == "previtem") return index_ > 0 && before_ ? *before_ : make_undefined("there is no previous item");
  return method(name);
}

std::optional<Value> Loop::method(std::string_view name) {
  if (name != "cycle" && name != "changed") return std::nullopt;
  const Value self(std::static_pointer_cast<Object>(shared_from_this()));
  if (name == "cycle")
    return make_function(
        "cycle",
        [self, this](Machine&, Arguments& given) {
          if (given.positional.empty()) throw Fault("no items for cycling given");
          return given.positional[static_cast<size_t>(index_) % given.positional.size()];
        },
        depth());
  return make_function(
      "changed",
      [self, this](Machine&, Arguments& given) {
        const Value now = make_tuple(given.positional);
        if (last_changed_ && equal(*last_changed_, now)) return Value(false);
        last_changed_ = now;
        return Value(true);
      },
      depth());
}

Value Loop::call(Machine& machine, Arguments& given) {
  if (!node_.recursive) throw Fault("the loop must have the 'recursive' marker to be called recursively");
  if (given.positional.size() != 1 || !given.named.empty()) throw Fault("loop() takes one argument, what to loop over");
  return make_text(machine.called([&] {
    return machine.within(
        scope_, [&] { return machine.captured([&] { run_loop(machine, node_, given.positional[0], level_ + 1); }); });
  }));
}

std::string Loop::printed() const {
  return fmt::format("<LoopContext {}/{}>", index_ + 1, const_cast<Loop*>(this)->length().value_or(0));
}

void Loop::empty(std::vector<Value>& into) {
  for (auto* each : {&current_, &before_, &after_, &last_changed_}) {
    if (*each) into.push_back(std::move(**each));
    each->reset();
  }
  into.push_back(std::move(items_));
  cursor_ = nullptr;
}

Flow run_loop(Machine& machine, const For& node, const Value& items, int depth) {
  const Value drawn = node.test ? passing(machine, node, items) : items;
  const auto loop = std::make_shared<Loop>(node, drawn, machine.scope(), depth);
  bool finished_one = false;
  for (Value item; loop->next(item);) {
    work(2);
    const auto scope = machine.new_scope();
    const Flow flow = machine.within(scope, [&] {
      machine.assign(node.target, item);
      if (machine.loop_symbol() >= 0) scope->set(machine.loop_symbol(), Value(std::static_pointer_cast<Object>(loop)));
      return machine.execute(node.body);
    });
    if (flow == Flow::leave_loop) break;
    if (flow == Flow::onward) finished_one = true;  // as Jinja2 has it, `continue` does not count for the else
  }
  if (finished_one || node.otherwise.empty()) return Flow::onward;
  return machine.execute_in_scope(node.otherwise, machine.new_scope());
}

}  // namespace stemma::jinja
