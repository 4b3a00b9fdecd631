// The attribute that filters such as map and sort look up in each item: "name", "a.b.0", 0; none: the item itself.
#pragma once

#include <vector>

#include "runtime/template/values/value.h"

namespace stemma::jinja {

class AttributePath {
 public:
  explicit AttributePath(const Value& attribute);
  // `otherwise` stands for each part that is undefined, unless it is null.
  Value of(Value item, const Value* otherwise = nullptr) const;

 private:
  std::vector<Value> parts_;
};

// Text in lower case, all else as it is.
Value without_case(const Value& value);

}  // namespace stemma::jinja
