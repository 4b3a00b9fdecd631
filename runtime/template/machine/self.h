// The variable `self`: the blocks of the template, to be called once more.
#pragma once

#include "runtime/template/machine/machine.h"
#include "runtime/template/values/object.h"

namespace stemma::jinja {

class Self : public Object {
 public:
  explicit Self(const Tree& tree) : Object(1), tree_(tree) {}  // `tree` outlives it
  const char* type() const override { return "TemplateReference"; }
  std::optional<Value> attribute(std::string_view name) override;
  std::string printed() const override { return "<TemplateReference None>"; }

 private:
  const Tree& tree_;
};

}  // namespace stemma::jinja
