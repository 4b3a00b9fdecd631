// Renders one template once: variables, output and the limits on both.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/random.h"
#include "runtime/template/builtins/registry.h"
#include "runtime/template/machine/scope.h"
#include "runtime/template/syntax/parser.h"
#include "runtime/template/values/print.h"

namespace stemma::jinja {

class Machine {
 public:
  using Time = std::chrono::system_clock::time_point;
  using Context = std::vector<Value>;  // by Symbol: what is given, and what every template can call

  // `meter` is this thread's; `tree` outlives the machine.
  Machine(const Tree& tree, Context context, Meter& meter, const TemplateLimits& limits, Time now);

  std::string run();                  // throws Fault
  int line() const { return line_; }  // of the statement in hand, for messages
  Time now() const { return now_; }
  uint64_t chance(uint64_t below) { return random_.below(below); }  // repeats itself for the same `now`

  Value evaluate(const Expression& expression);
  Arguments evaluate(const CallArguments& arguments);
  Flow execute(const Body& body);
  Flow execute_in_scope(const Body& body, std::shared_ptr<Scope> scope);

  // What runs with another output and comes back as text.
  template <class Run>
  std::string captured(Run&& run) {
    Builder mine;
    const Restored<Builder*> output(output_, &mine);
    run();
    return mine.take();
  }
  // What runs within a scope. Macros and recursive loops count as calls.
  template <class Run>
  auto within(std::shared_ptr<Scope> scope, Run&& run) {
    const Restored<std::shared_ptr<Scope>> inside(scope_, std::move(scope));
    return run();
  }
  template <class Run>
  auto called(Run&& run) {
    const Restored<int> calls(calls_, calls_ + 1);
    if (calls_ > limits_.calls) refuse_depth();
    const int line = line_;
    auto made = run();
    line_ = line;  // an error keeps the line that it arose in
    return made;
  }

  void write(std::string_view text) { output_->add(text); }
  void write(const Value& value);

  std::shared_ptr<Scope> new_scope() const { return std::make_shared<Scope>(scope_); }
  const std::shared_ptr<Scope>& scope() const { return scope_; }
  const std::shared_ptr<Scope>& outermost() const { return outermost_; }
  Value variable(Symbol symbol, const std::string& name) const;
  void assign(const Target& target, const Value& value);
  Symbol loop_symbol() const { return loop_; }  // -1 where the template does not name it

  // The text of the block that a filter without an input stands for.
  Value block_text;

 private:
  template <class T>
  class Restored {
   public:
    Restored(T& place, T value) : place_(place), kept_(std::move(place)) { place_ = std::move(value); }
    ~Restored() { place_ = std::move(kept_); }
    Restored(const Restored&) = delete;

   private:
    T& place_;
    T kept_;
  };
  [[noreturn]] void refuse_depth() const;

  const Tree& tree_;
  Context context_;
  Meter& meter_;
  TemplateLimits limits_;
  Time now_;
  std::shared_ptr<Scope> outermost_, scope_;
  Builder* output_ = nullptr;
  Symbol loop_ = -1;
  Random random_;
  int line_ = 1, depth_ = 0, calls_ = 0;
};

// The functions that every template can call: range, dict, namespace, cycler, joiner, raise_exception, strftime_now.
const std::map<std::string, Value (*)(), std::less<>>& global_makers();

}  // namespace stemma::jinja
