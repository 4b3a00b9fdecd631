// The statements of a template.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/template/syntax/syntax.h"

namespace stemma::jinja {

struct Data : Statement {
  Data(int at, std::string is) : Statement(at), text(std::move(is)) {}
  Flow execute(Machine& machine) const override;
  std::string text;
};

struct Output : Statement {
  Output(int at, ExpressionPointer is) : Statement(at), value(std::move(is)) {}
  Flow execute(Machine& machine) const override;
  ExpressionPointer value;
};

struct If : Statement {
  using Statement::Statement;
  Flow execute(Machine& machine) const override;
  std::vector<std::pair<ExpressionPointer, Body>> branches;
  Body otherwise;
};

struct For : Statement {
  using Statement::Statement;
  Flow execute(Machine& machine) const override;
  Target target;
  ExpressionPointer items, test;  // test may be null
  Body body, otherwise;
  bool recursive = false;
};

struct Set : Statement {
  using Statement::Statement;
  Flow execute(Machine& machine) const override;
  Target target;
  ExpressionPointer value;
};

struct SetBlock : Statement {
  using Statement::Statement;
  Flow execute(Machine& machine) const override;
  Target target;
  ExpressionPointer filter;  // may be null
  Body body;
};

struct With : Statement {
  using Statement::Statement;
  Flow execute(Machine& machine) const override;
  std::vector<std::pair<Target, ExpressionPointer>> values;
  Body body;
};

// {% autoescape %} and {% generation %}: a scope, or, for a block, one that sees only the outermost variables.
struct Scoped : Statement {
  enum class Sort { scope, block, scoped_block };
  Scoped(int at, Sort is) : Statement(at), sort(is) {}
  Flow execute(Machine& machine) const override;
  Sort sort;
  std::string required;  // the name of a block that another template would have to fill; mostly empty
  Body body;
};

struct FilterBlock : Statement {
  using Statement::Statement;
  Flow execute(Machine& machine) const override;
  ExpressionPointer filter;
  Body body;
};

struct MacroParts {
  std::string name;  // empty for the body of a {% call %}
  std::vector<std::pair<Symbol, std::string>> parameters;
  Expressions defaults;  // of the last parameters
  Body body;
  bool uses_caller = false, uses_kwargs = false, uses_varargs = false;
  Symbol caller = -1, kwargs = -1, varargs = -1;
};

struct MacroDefinition : Statement {
  using Statement::Statement;
  Flow execute(Machine& machine) const override;
  Symbol symbol = -1;
  std::shared_ptr<MacroParts> parts;
};

struct CallBlock : Statement {
  using Statement::Statement;
  Flow execute(Machine& machine) const override;
  std::unique_ptr<Call> call;
  std::shared_ptr<MacroParts> parts;
};

struct LoopControl : Statement {
  LoopControl(int at, Flow is) : Statement(at), flow(is) {}
  Flow execute(Machine&) const override { return flow; }
  Flow flow;
};

// include, import, from and extends: there is nothing to load.
struct Loading : Statement {
  Loading(int at, std::string is) : Statement(at), tag(std::move(is)) {}
  Flow execute(Machine& machine) const override;
  std::string tag;
};

}  // namespace stemma::jinja
