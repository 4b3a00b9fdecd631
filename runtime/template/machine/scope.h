// Where variables live: each loop body, macro call and block has a scope within the one that it was written in.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "runtime/template/syntax/syntax.h"

namespace stemma::jinja {

class Scope : public Cell {
 public:
  explicit Scope(std::shared_ptr<Scope> outer) : outer_(std::move(outer)) {}
  ~Scope() override { take_apart(); }

  const Value* find(Symbol symbol) const {  // here or further out; null: nowhere
    for (const Scope* scope = this; scope; scope = scope->outer_.get()) {
      scope->work_on_all();
      for (const auto& [name, value] : scope->variables_)
        if (name == symbol) return &value;
    }
    return nullptr;
  }
  void set(Symbol symbol, Value value) {
    work_on_all();
    for (auto& [name, old] : variables_)
      if (name == symbol) return std::swap(old, value);
    variables_.emplace_back(symbol, std::move(value));
  }
  void empty(std::vector<Value>& into) override {
    for (auto& [name, value] : variables_) into.push_back(std::move(value));
    variables_.clear();
  }

 private:
  void work_on_all() const {  // there are few, as a rule
    if (variables_.size() > 16) work(static_cast<int64_t>(variables_.size()) / 16);
  }

  std::shared_ptr<Scope> outer_;
  std::vector<std::pair<Symbol, Value>> variables_;
  Charge charge_{128};
};

}  // namespace stemma::jinja
