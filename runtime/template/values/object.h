// Values that can do something: functions, macros, namespaces, loops, and what can only be gone through once.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/template/values/value.h"

namespace stemma::jinja {

class Machine;

struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;

  int depth() const;  // of the deepest
};

// Goes through the items of a value.
using Cursor = std::function<bool(Value& next)>;  // false at the end

class Object : public std::enable_shared_from_this<Object> {
 public:
  virtual ~Object() = default;
  virtual const char* type() const = 0;
  virtual std::optional<Value> attribute(std::string_view name) { return std::nullopt; }
  virtual bool callable() const { return false; }
  virtual Value call(Machine& machine, Arguments& arguments);
  virtual std::optional<Cursor> cursor() { return std::nullopt; }  // none: cannot be gone through
  virtual std::optional<int64_t> length() { return std::nullopt; }
  virtual std::string printed() const;
  int depth() const { return depth_; }

 protected:
  explicit Object(int depth) : depth_(depth) {}

 private:
  int depth_;
  Charge charge_{128};
};

class Function : public Object {
 public:
  using Body = std::function<Value(Machine&, Arguments&)>;
  // `held`: the depth of the deepest value in `body`.
  Function(std::string name, Body body, int held = 0)
      : Object(deeper(held)), name_(std::move(name)), body_(std::move(body)) {}
  const char* type() const override { return "function"; }
  bool callable() const override { return true; }
  Value call(Machine& machine, Arguments& arguments) override { return body_(machine, arguments); }
  std::string printed() const override { return "<function " + name_ + ">"; }

 private:
  std::string name_;
  Body body_;
};

// Python's range(); at most 100,000 items, as in the sandbox of Jinja2.
class Range : public Object {
 public:
  Range(int64_t begin, int64_t end, int64_t step);
  const char* type() const override { return "range"; }
  std::optional<Cursor> cursor() override;
  std::optional<int64_t> length() override { return count_; }
  std::string printed() const override;
  int64_t item(int64_t index) const { return static_cast<int64_t>(begin_ + static_cast<__int128>(index) * step_); }
  std::shared_ptr<Range> slice(int64_t first, int64_t step, int64_t count) const;
  int64_t step() const { return step_; }
  int64_t begin() const { return begin_; }
  int64_t end() const { return end_; }

 private:
  int64_t begin_, end_, step_, count_;
};

// dict.keys(), values() or items().
class DictView : public Object {
 public:
  enum class What { keys, values, items };
  DictView(std::shared_ptr<const Dict> dict, What what)
      : Object(deeper(dict->depth())), dict_(std::move(dict)), what_(what) {}
  const char* type() const override;
  std::optional<Cursor> cursor() override;
  std::optional<int64_t> length() override { return static_cast<int64_t>(dict_->entries().size()); }
  std::string printed() const override;
  Value item(size_t index) const;

 private:
  std::shared_ptr<const Dict> dict_;
  What what_;
};

// What filters such as map give: made as it is gone through, once.
class Generator : public Object, public Cell {
 public:
  Generator(Cursor next, int held) : Object(deeper(held)), next_(std::move(next)) {}
  ~Generator() override { take_apart(); }
  const char* type() const override { return "generator"; }
  std::optional<Cursor> cursor() override;
  void empty(std::vector<Value>&) override { next_ = nullptr; }
  bool next(Value& value);

 private:
  Cursor next_;
  bool running_ = false;
};

// namespace(): the one value whose parts a template can set.
class Namespace : public Object, public Cell {
 public:
  explicit Namespace(Value attributes);  // a dict
  ~Namespace() override { take_apart(); }
  const char* type() const override { return "Namespace"; }
  std::optional<Value> attribute(std::string_view name) override;
  void set(const std::string& name, Value value);
  std::string printed() const override;
  void empty(std::vector<Value>& into) override;

 private:
  std::vector<std::pair<std::string, Value>> attributes_;
  Charge attributes_charge_{0};
};

Value make_generator(Cursor next, int held);
// One whose cursor is made when its first item is asked for, which is when its errors show.
Value make_lazy_generator(std::function<Cursor()> begin, int held);
Value make_function(std::string name, Function::Body body, int held = 0);

// Throws Fault where the value cannot be gone through.
Cursor items_of(const Value& value);
std::vector<Value> list_of(const Value& value);
bool can_be_gone_through(const Value& value);
// Python's len(); nothing for what has none.
std::optional<int64_t> length_of(const Value& value);
Value call_value(Machine& machine, const Value& callee, Arguments& arguments);

}  // namespace stemma::jinja
