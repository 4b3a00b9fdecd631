// A {% for %} that runs, and its variable `loop`.
#pragma once

#include <optional>

#include "runtime/template/machine/machine.h"
#include "runtime/template/values/object.h"

namespace stemma::jinja {

class Loop : public Object, public Cell {
 public:
  // `scope`: where the loop was written. Items are drawn one by one, so that a generator is.
  Loop(const For& node, const Value& items, std::shared_ptr<Scope> scope, int depth);
  ~Loop() override { take_apart(); }
  const char* type() const override { return "LoopContext"; }
  std::optional<Value> attribute(std::string_view name) override;
  bool callable() const override { return true; }
  Value call(Machine& machine, Arguments& arguments) override;  // the loop again, over other items
  std::optional<int64_t> length() override;
  std::string printed() const override;
  void empty(std::vector<Value>& into) override;

  bool next(Value& item);

 private:
  const Value& peek();  // undefined at the end
  std::optional<Value> method(std::string_view name);

  const For& node_;
  std::shared_ptr<Scope> scope_;
  Value items_;
  Cursor cursor_;
  int level_;
  int64_t index_ = -1;
  std::optional<int64_t> length_;
  std::optional<Value> current_, before_, after_, last_changed_;
};

// Runs the loop in the machine's scope. `depth`: of a recursive one, from 0.
Flow run_loop(Machine& machine, const For& node, const Value& items, int depth);

}  // namespace stemma::jinja
