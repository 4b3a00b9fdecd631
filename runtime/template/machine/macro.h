// {% macro %}, and the body of a {% call %}, as values.
#pragma once

#include "runtime/template/machine/machine.h"
#include "runtime/template/values/object.h"

namespace stemma::jinja {

class Macro : public Object {
 public:
  // `scope`: where it was written, whose variables it sees. `parts` is the template's.
  Macro(const MacroParts& parts, std::shared_ptr<Scope> scope) : Object(1), parts_(parts), scope_(std::move(scope)) {}
  const char* type() const override { return "Macro"; }
  std::optional<Value> attribute(std::string_view name) override;
  bool callable() const override { return true; }
  Value call(Machine& machine, Arguments& arguments) override;
  std::string printed() const override;

 private:
  void lay_out(Scope& scope, Arguments& arguments, std::vector<bool>& given) const;

  const MacroParts& parts_;
  std::shared_ptr<Scope> scope_;
};

}  // namespace stemma::jinja
