// What a template says, as a tree. Reading makes it (parser.h); a machine evaluates and executes it (machine.h).
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/template/values/operators.h"
#include "runtime/template/values/value.h"

namespace stemma::jinja {

class Machine;

using Symbol = int;  // a variable's name, by its place in the template's list of names

class Expression {
 public:
  virtual ~Expression() = default;
  virtual Value evaluate(Machine& machine) const = 0;
};
using ExpressionPointer = std::unique_ptr<Expression>;
using Expressions = std::vector<ExpressionPointer>;

// What a statement does to the loop around it.
enum class Flow { onward, next_item, leave_loop };

class Statement {
 public:
  explicit Statement(int at_line) : line(at_line) {}
  virtual ~Statement() = default;
  virtual Flow execute(Machine& machine) const = 0;
  const int line;
};
using StatementPointer = std::unique_ptr<Statement>;
using Body = std::vector<StatementPointer>;

struct Constant : Expression {
  explicit Constant(Value is) : value(std::move(is)) {}
  Value evaluate(Machine&) const override { return value; }
  Value value;
};

struct Variable : Expression {
  Variable(Symbol is, std::string text) : symbol(is), name(std::move(text)) {}
  Value evaluate(Machine& machine) const override;
  Symbol symbol;
  std::string name;
};

struct ListOf : Expression {  // or a tuple
  Value evaluate(Machine& machine) const override;
  Expressions items;
  bool tuple = false;
};

struct DictOf : Expression {
  Value evaluate(Machine& machine) const override;
  std::vector<std::pair<ExpressionPointer, ExpressionPointer>> entries;
};

struct Attribute : Expression {
  Value evaluate(Machine& machine) const override;
  ExpressionPointer of;
  std::string name;
};

struct Item : Expression {
  Value evaluate(Machine& machine) const override;
  ExpressionPointer of, key;
};

struct SliceOf : Expression {  // null: left out
  Value evaluate(Machine& machine) const override;
  ExpressionPointer of, begin, end, step;
};

struct CallArguments {
  Expressions positional;
  std::vector<std::pair<std::string, ExpressionPointer>> named;
  ExpressionPointer more_positional, more_named;  // *list, **dict
};

struct Call : Expression {
  Value evaluate(Machine& machine) const override;
  Value evaluate(Machine& machine, const Value* caller) const;
  ExpressionPointer callee;
  CallArguments arguments;
};

struct FilterOf : Expression {
  Value evaluate(Machine& machine) const override;
  ExpressionPointer of;  // null: the text of a block
  std::string name;
  CallArguments arguments;
};

struct TestOf : Expression {
  Value evaluate(Machine& machine) const override;
  ExpressionPointer of;
  std::string name;
  CallArguments arguments;
};

struct Unary : Expression {
  enum class Sign { minus, plus, negation };
  Value evaluate(Machine& machine) const override;
  Sign sign = Sign::negation;
  ExpressionPointer of;
};

struct BinaryOf : Expression {
  Value evaluate(Machine& machine) const override;
  Binary operation = Binary::add;
  ExpressionPointer left, right;
};

struct Choice : Expression {  // and, or
  Value evaluate(Machine& machine) const override;
  bool both = false;
  ExpressionPointer left, right;
};

struct Concatenation : Expression {  // ~
  Value evaluate(Machine& machine) const override;
  Expressions parts;
};

struct Comparisons : Expression {  // a < b < c
  Value evaluate(Machine& machine) const override;
  ExpressionPointer first;
  std::vector<std::pair<Comparison, ExpressionPointer>> others;
};

struct Conditional : Expression {
  Value evaluate(Machine& machine) const override;
  ExpressionPointer test, then, otherwise;  // otherwise may be null
  int line = 0;
};

// What can be assigned to: a name, name.attribute of a namespace, or several of them.
struct Target {
  Symbol symbol = -1;
  std::string attribute;
  std::vector<Target> parts;
  bool tuple = false;
};

}  // namespace stemma::jinja
