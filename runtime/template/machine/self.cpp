#include "runtime/template/machine/self.h"

#include "runtime/template/machine/parameters.h"

namespace stemma::jinja {

std::optional<Value> Self::attribute(std::string_view name) {
  const auto block = tree_.blocks.find(std::string(name));
  if (block == tree_.blocks.end()) return std::nullopt;
  return make_function(block->first, [body = &block->second->body](Machine& machine, Arguments& arguments) {
    const Parameters none("block", arguments, {});
    return make_text(machine.called([&] {
      return machine.captured([&] { machine.execute_in_scope(*body, std::make_shared<Scope>(machine.outermost())); });
    }));
  });
}

}  // namespace stemma::jinja
