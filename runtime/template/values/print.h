// Values as text, as Python's str() and repr() write them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "runtime/template/values/value.h"

namespace stemma::jinja {

// Text as it grows; refuses to grow past what the meter allows.
class Builder {
 public:
  void add(std::string_view part);
  void add(size_t count, char c);
  std::string take();

 private:
  void grow(size_t bytes);

  std::string text_;
  size_t charged_ = 0;
  std::optional<Charge> charge_;
};

std::string printed(const Value& value);         // str()
std::string representation(const Value& value);  // repr()
std::string ascii_representation(const Value& value);  // ascii()
std::string printed_real(double real);
std::string quoted(std::string_view text);

}  // namespace stemma::jinja
