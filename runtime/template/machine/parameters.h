// The arguments of a call, laid out by the names of what is called.
#pragma once

#include <initializer_list>
#include <string_view>

#include "runtime/template/values/object.h"

namespace stemma::jinja {

class Parameters {
 public:
  // Throws Fault for arguments too many, unknown, given twice, or missing among the first `required`.
  Parameters(std::string_view function, const Arguments& arguments, std::initializer_list<std::string_view> names,
             size_t required = 0);

  bool given(size_t i) const { return values_[i] != nullptr; }
  const Value& operator[](size_t i) const { return values_[i] ? *values_[i] : none_; }  // None where left out
  bool truth(size_t i, bool otherwise) const;
  int64_t whole(size_t i, int64_t otherwise) const;
  const std::string& text(size_t i) const;  // throws Fault for what is no string
  const std::string& text(size_t i, const std::string& otherwise) const { return given(i) ? text(i) : otherwise; }

 private:
  std::string_view function_;
  std::vector<const Value*> values_;
  Value none_ = None{};
};

}  // namespace stemma::jinja
